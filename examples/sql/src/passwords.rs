//! Hashes of passwords.

use std::sync::Arc;
use std::thread;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _};
use pop3_proto::Secret;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// What a password is that nobody has, so that names without a user don't stand out by being fast.
const NOBODY: &[u8] = b"nobody";

/// Hashes a password for the store: Argon2id with a salt of its own, 19 MiB and two passes.
pub fn hash(password: &[u8]) -> Result<String, String> {
    let hash: PasswordHash = Argon2::default().hash_password(password).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Verifies passwords beside the event loop, on each core one at a time: more of them at once would take more memory, and no less time.
pub struct Passwords {
    permits: Arc<Semaphore>,
    /// A hash like those that users have.
    nobody: String,
}

impl Passwords {
    /// Makes the hash that stands in for those that aren't there.
    pub fn new() -> Result<Self, String> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { permits: Arc::new(Semaphore::new(cores)), nobody: hash(NOBODY)? })
    }

    /// Whether the password is the one that was hashed. Takes as long where there is no hash.
    pub async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool, String> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|error| error.to_string())?;
        let is_user = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let verified = spawn_blocking(move || {
            let _permit = permit;
            Argon2::default().verify_password(password.expose(), hash.as_str())
        });
        match verified.await.map_err(|_| "a password couldn't be verified")? {
            Ok(()) => Ok(is_user),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(_) => Err("the hash of a password can't be used".into()),
        }
    }
}
