//! Hashes of passwords.

use std::io;
use std::num::NonZeroU32;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::password_hash::{Error as HashError, PasswordHasher as _};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use pop3_proto::Secret;
use tokio::sync::oneshot;

/// What a password is that nobody has, so that names without a user don't stand out by being fast.
const NOBODY: &[u8] = b"nobody";

/// How often a password is hashed for SCRAM: by the client at each login, and by whoever has got hold of the database and guesses. Cyrus
/// SASL, which many clients use, refuses more.
pub const ITERATIONS: NonZeroU32 = NonZeroU32::new(65_536).unwrap();

/// Hashes a password for the store: Argon2id with a salt of its own, 19 MiB and two passes.
pub fn hash(password: &[u8]) -> io::Result<String> {
    let hash: PasswordHash = Argon2::default().hash_password(password).map_err(io::Error::other)?;
    Ok(hash.to_string())
}

/// Verifies passwords beside the event loop, on each core one at a time: more of them at once would take more memory, and no less time.
///
/// Each thread keeps the memory that this takes. An allocator that was given it back each time would keep ten times as much.
pub struct Passwords {
    questions: Sender<Question>,
    /// A hash like those that users have.
    nobody: String,
}

struct Question {
    password: Secret,
    hash: String,
    answer: oneshot::Sender<io::Result<bool>>,
}

impl Passwords {
    /// Starts the threads, which end with it.
    pub fn new() -> io::Result<Self> {
        let (questions, asked) = channel();
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let asked = Arc::clone(&asked);
            thread::Builder::new().spawn(move || answer(&asked))?;
        }
        Ok(Self { questions, nobody: hash(NOBODY)? })
    }

    /// Whether the password is the one that was hashed. Takes as long where there is no hash.
    pub async fn verify(&self, password: Secret, hash: Option<String>) -> io::Result<bool> {
        let is_user = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let (answer, answered) = oneshot::channel();
        self.questions.send(Question { password, hash, answer }).map_err(|_| io::ErrorKind::Other)?;
        Ok(answered.await.map_err(io::Error::other)?? && is_user)
    }
}

/// Answers one question after the other. The lock is held only while there is none.
fn answer(asked: &Mutex<Receiver<Question>>) {
    let mut memory = Vec::new();
    loop {
        let question = asked.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Question { password, hash, answer }) = question else { return };
        if answer.is_closed() {
            continue; // the login has taken too long, or the client is gone
        }
        let verified = matches(password.expose(), &hash, &mut memory);
        let _ = answer.send(verified.map_err(|_| io::Error::other("the hash of a password can't be used")));
    }
}

/// Hashes a password as another one was hashed, and compares both in constant time.
fn matches(password: &[u8], hash: &str, memory: &mut Vec<Block>) -> Result<bool, HashError> {
    let hash = PasswordHash::new(hash)?;
    let (Some(salt), Some(expected)) = (&hash.salt, hash.hash) else { return Err(HashError::PasswordInvalid) };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
    let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let params = Params::try_from(&hash)?;
    if memory.len() < params.block_count() {
        *memory = vec![Block::default(); params.block_count()];
    }
    let argon2 = Argon2::new(algorithm, version, params);
    let mut octets = [0; Output::MAX_LENGTH];
    let octets = octets.get_mut(..expected.len()).ok_or(HashError::OutputSize)?;
    argon2.hash_password_into_with_memory(password, salt, octets, memory)?;
    Ok(Output::new(octets)? == expected)
}
