//! The Maildir of the example servers, without a server: what other programs do to it meanwhile.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use adapter::Opened;
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Maildrop, Refusal, Rejection};
use support::Mailbox;
use support::maildir::{self, OpenError};

/// A Maildir that is removed when the test is over.
struct TestMaildir(PathBuf);

impl TestMaildir {
    fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);

        let name = format!("pop3-proto-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let maildir = Self(std::env::temp_dir().join(name));
        for folder in ["new", "cur", "tmp"] {
            fs::create_dir_all(maildir.0.join(folder)).unwrap();
        }
        for (path, content) in files {
            fs::write(maildir.path(path), content).unwrap();
        }
        maildir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn open(&self) -> Mailbox {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Mailbox, OpenError> {
        maildir::open(&Arc::from("ann"), &self.0)
    }

    /// Names of all files, in order.
    fn names(&self) -> Vec<String> {
        let files = |folder| fs::read_dir(self.path(folder)).unwrap();
        let name = |file: fs::DirEntry| file.file_name().into_string().unwrap();
        let mut names: Vec<_> = files("new").chain(files("cur")).map(|file| name(file.unwrap())).collect();
        names.sort();
        names
    }
}

impl Drop for TestMaildir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

fn read(maildrop: &mut Mailbox, message: u32) -> Result<String, Refusal> {
    let mut content = Vec::new();
    match maildrop.read(number(message))? {
        Opened::Whole(octets) => content.extend_from_slice(&octets),
        Opened::Reader(mut reading) => {
            while let Some(chunk) = reading.next_chunk().unwrap() {
                content.extend_from_slice(&chunk);
            }
        }
    }
    Ok(String::from_utf8(content).unwrap())
}

/// The octets of a message, once it is measured.
fn octets(maildrop: &mut Mailbox, message: u32) -> Result<u64, Refusal> {
    maildrop.measure(number(message), || true)?;
    Ok(maildrop.octets(number(message)).unwrap())
}

fn unique_ids(maildrop: &Mailbox) -> Vec<String> {
    (1..=maildrop.count()).map(|message| maildrop.unique_id(number(message)).unwrap().as_str().to_owned()).collect()
}

#[test]
fn one_look_tells_of_all_messages_that_are_gone() {
    // R-1939-28
    let maildir = TestMaildir::new(&[("new/1", "one"), ("new/2", "two"), ("cur/3:2,S", "three"), ("cur/4:2,", "four")]);
    let mut maildrop = maildir.open();
    for name in ["new/1", "new/2", "cur/3:2,S"] {
        fs::remove_file(maildir.path(name)).unwrap();
    }
    assert_eq!(read(&mut maildrop, 2), Err(Refusal::Gone));
    // Where the folder can't be looked at, another look would be an error.
    maildir.rename("new", "elsewhere");
    assert_eq!(read(&mut maildrop, 1), Err(Refusal::Gone));
    assert_eq!(read(&mut maildrop, 3), Err(Refusal::Gone));
    assert_eq!(octets(&mut maildrop, 3), Err(Refusal::Gone));
    assert_eq!(read(&mut maildrop, 4).unwrap(), "four");
    assert_eq!(maildrop.expunge([1, 2, 3].map(number).into_iter()), Removal::All, "as the client wanted");
}

#[test]
fn one_look_tells_of_all_messages_that_were_renamed() {
    // R-1939-28
    let maildir = TestMaildir::new(&[("new/1", "one"), ("new/2", "two"), ("cur/3:2,", "three")]);
    let mut maildrop = maildir.open();
    maildir.rename("new/1", "cur/1:2,S");
    maildir.rename("new/2", "cur/2:2,FS");
    maildir.rename("cur/3:2,", "cur/3:2,T");
    assert_eq!(read(&mut maildrop, 3).unwrap(), "three");
    maildir.rename("new", "elsewhere");
    assert_eq!(read(&mut maildrop, 1).unwrap(), "one");
    assert_eq!(maildrop.expunge([2, 3].map(number).into_iter()), Removal::All);
    maildir.rename("elsewhere", "new");
    assert_eq!(maildir.names(), ["1:2,S"]);
}

#[test]
fn a_look_that_fails_makes_no_message_gone() {
    // R-GEN-17
    let maildir = TestMaildir::new(&[("new/1", "one"), ("cur/2:2,", "two")]);
    let mut maildrop = maildir.open();
    maildir.rename("new/1", "cur/1:2,S");
    maildir.rename("new", "elsewhere");
    assert_eq!(read(&mut maildrop, 1), Err(Refusal::Permanent), "it isn't known where it is");
    assert_eq!(octets(&mut maildrop, 1), Err(Refusal::Permanent));
    assert_eq!(maildrop.octets(number(1)), None);
    assert_eq!(maildrop.expunge([number(1)].into_iter()), Removal::NotAll, "and it isn't removed");
    maildir.rename("elsewhere", "new");
    assert_eq!(read(&mut maildrop, 1).unwrap(), "one");
    assert_eq!(octets(&mut maildrop, 1), Ok(5));
}

#[test]
fn a_new_message_of_the_same_base_name_is_not_taken_for_one_that_is_gone() {
    // R-1939-28
    let maildir = TestMaildir::new(&[("cur/1:2,S", "old"), ("cur/2:2,S", "other")]);
    let mut maildrop = maildir.open();
    // Kept, so that its inode isn't given to the new one.
    maildir.rename("cur/1:2,S", "tmp/kept");
    fs::write(maildir.path("new/1"), "new").unwrap();
    assert_eq!(read(&mut maildrop, 1), Err(Refusal::Gone));
    assert_eq!(maildrop.expunge([number(1)].into_iter()), Removal::All);
    assert_eq!(maildir.names(), ["1", "2:2,S"]);
}

/// Ends another thread, also where the test fails.
struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn messages_whose_flags_change_all_the_time_are_always_there() {
    // R-1939-28
    let files: Vec<_> = (0..40).map(|file| format!("cur/17{file:02}.x:2,")).collect();
    let contents: Vec<_> = files.iter().map(|file| (file.as_str(), "text")).collect();
    let maildir = TestMaildir::new(&contents);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let end = SetWhenDropped(&is_over);
        scope.spawn(|| {
            let rename = |from: &str, to: &str| fs::rename(maildir.path(from), maildir.path(to));
            while !is_over.load(Ordering::Relaxed) {
                // In the end they are removed, and there is nothing to rename.
                let _ = files.iter().try_for_each(|file| rename(file, &format!("{file}S")));
                let _ = files.iter().try_for_each(|file| rename(&format!("{file}S"), file));
            }
        });
        for _ in 0..50 {
            let mut maildrop = maildir.open();
            assert_eq!(maildrop.count(), 40);
            for message in 1..=40 {
                assert_eq!(read(&mut maildrop, message).as_deref(), Ok("text"));
            }
        }
        let removed = maildir.open().expunge((1..=40).map(number));
        drop(end);
        assert_eq!(removed, Removal::All);
    });
    assert_eq!(maildir.names(), [] as [&str; 0], "what is said to be removed is removed");
}

#[test]
fn what_took_the_place_of_a_message_is_opened_only_if_it_is_a_regular_file() {
    // R-1939-28
    use rustix::fs::{CWD, Mode, mkfifoat, symlinkat};

    let files = [("cur/1:2,", "one"), ("cur/2:2,", "two"), ("cur/3:2,", "three"), ("cur/4:2,", "four")];
    let maildir = TestMaildir::new(&files);
    let mut maildrop = maildir.open();
    for (name, _) in files {
        fs::remove_file(maildir.path(name)).unwrap();
    }
    mkfifoat(CWD, maildir.path("cur/1:2,"), Mode::RWXU).unwrap();
    symlinkat("/dev/zero", CWD, maildir.path("cur/2:2,")).unwrap();
    fs::create_dir(maildir.path("cur/3:2,")).unwrap();
    fs::write(maildir.path("tmp/linked"), "linked").unwrap();
    symlinkat("../tmp/linked", CWD, maildir.path("cur/4:2,")).unwrap();
    for message in 1..=3 {
        assert_eq!(read(&mut maildrop, message), Err(Refusal::Permanent), "{message}");
        assert!(octets(&mut maildrop, message).is_ok(), "the others must stay listed");
    }
    assert_eq!(read(&mut maildrop, 4).unwrap(), "linked");
    drop(maildrop);
    assert_eq!(unique_ids(&maildir.open()), ["4"], "the next session doesn't list the others");
}

#[test]
fn a_message_that_cannot_be_read_is_refused_at_once() {
    // R-GEN-10
    let maildir = TestMaildir::new(&[("cur/2", "two")]);
    rustix::fs::symlinkat("/proc/self/mem", rustix::fs::CWD, maildir.path("cur/1")).unwrap();
    if !cfg!(target_os = "linux") {
        return; // there is no such file
    }
    let mut maildrop = maildir.open();
    assert_eq!(read(&mut maildrop, 1), Err(Refusal::Temporary));
    assert_eq!(octets(&mut maildrop, 1), Err(Refusal::Temporary));
    assert_eq!(maildrop.octets(number(1)), None, "no size of 0");
    assert_eq!(read(&mut maildrop, 2).unwrap(), "two");
    assert_eq!(octets(&mut maildrop, 2), Ok(5));
}

#[test]
fn a_file_that_became_shorter_is_never_read_to_an_end() {
    // R-GEN-17
    let content = "line of text\n".repeat(20_000);
    let maildir = TestMaildir::new(&[("cur/1", &content), ("cur/2", &content), ("cur/3", &content)]);
    let mut maildrop = maildir.open();
    let cut = |name| fs::File::options().write(true).open(maildir.path(name)).unwrap().set_len(100_000).unwrap();
    let Ok(Opened::Reader(mut reading)) = maildrop.read(number(1)) else { panic!("refused") };
    cut("cur/1");
    let mut read_octets = 0;
    let error = loop {
        match reading.next_chunk() {
            Ok(chunk) => read_octets += chunk.expect("no end").len(),
            Err(error) => break error,
        }
    };
    assert_eq!(read_octets, 100_000);
    assert!(error.to_string().ends_with("cur/1: it became shorter while it was read"), "{error}");
    assert_eq!(read(&mut maildrop, 1), Err(Refusal::Temporary), "nor later in this session");
    // Nobody has said how long this one was.
    cut("cur/3");
    assert_eq!(octets(&mut maildrop, 2), Ok(280_000));
    cut("cur/2");
    assert_eq!(read(&mut maildrop, 2), Err(Refusal::Temporary), "the session knows how long it was");
    assert_eq!(read(&mut maildrop, 3).map(|content| content.len()), Ok(100_000));
}

#[test]
fn a_file_that_became_longer_is_read_to_its_new_end() {
    let maildir = TestMaildir::new(&[("cur/1", "short\n")]);
    let mut maildrop = maildir.open();
    assert_eq!(octets(&mut maildrop, 1), Ok(7));
    fs::write(maildir.path("cur/1"), "no longer short\n").unwrap();
    assert_eq!(read(&mut maildrop, 1).unwrap(), "no longer short\n");
}

#[test]
fn messages_are_measured_only_while_the_client_waits() {
    // R-GEN-17
    let maildir = TestMaildir::new(&[("cur/1", &"x\n".repeat(100_000)), ("cur/2,W=7", "text")]);
    let mut maildrop = maildir.open();
    assert_eq!(maildrop.octets(number(2)), Some(7), "nothing has to be read for this");
    let mut chunks = 0;
    let is_awaited = || {
        chunks += 1;
        chunks <= 2
    };
    assert_eq!(maildrop.measure(number(1), is_awaited), Err(Refusal::Temporary));
    assert_eq!((chunks, maildrop.octets(number(1))), (3, None));
    assert_eq!(octets(&mut maildrop, 1), Ok(300_000));
}

#[test]
fn of_two_equal_base_names_the_later_one_gets_another_for_good() {
    // C10, R-1939-27
    let maildir = TestMaildir::new(&[("cur/b.x,S=3:2,S", "one"), ("cur/a:2,", "a")]);
    assert_eq!(unique_ids(&maildir.open()), ["a", "b.x,S=3"]);
    fs::write(maildir.path("new/b.x,S=3"), "two").unwrap();
    fs::write(maildir.path("cur/b.x,S=3:2,R"), "three").unwrap();
    let later = fs::metadata(maildir.path("cur/b.x,S=3:2,S")).unwrap().modified().unwrap();
    let later = later + std::time::Duration::from_secs(5);
    fs::File::options().write(true).open(maildir.path("cur/b.x,S=3:2,R")).unwrap().set_modified(later).unwrap();
    let mut maildrop = maildir.open();
    let by_content = |maildrop: &mut Mailbox| -> Vec<_> {
        let unique_ids = unique_ids(maildrop);
        let contents = (1..=maildrop.count()).map(|message| read(maildrop, message).unwrap());
        let mut found: Vec<_> = contents.zip(unique_ids).collect();
        found.sort();
        found
    };
    let found = by_content(&mut maildrop);
    assert_eq!(found.iter().map(|(content, _)| content.as_str()).collect::<Vec<_>>(), ["a", "one", "three", "two"]);
    assert_eq!(found[1].1, "b.x,S=3", "the first keeps its name");
    assert!(found[2].1.ends_with(",S=3") && found[3].1.ends_with(",S=3"), "sizes are kept: {found:?}");
    assert!(maildir.names().iter().any(|name| name.ends_with(".renamed,S=3:2,R")), "and flags: {:?}", maildir.names());
    drop(maildrop);
    fs::remove_file(maildir.path("cur/b.x,S=3:2,S")).unwrap();
    let left = [found[0].clone(), found[2].clone(), found[3].clone()];
    assert_eq!(by_content(&mut maildir.open()), left, "nobody takes over an id");
}

#[test]
fn where_two_equal_base_names_cannot_be_told_apart_the_maildrop_is_not_opened() {
    // C10: no name is left for a file whose fields are that long
    let name = format!("x,{}", "y".repeat(248));
    let maildir = TestMaildir::new(&[(&format!("new/{name}"), "one"), (&format!("cur/{name}:2,S"), "two")]);
    let Err(OpenError::Trouble(trouble)) = maildir.try_open() else { panic!("opened") };
    assert_eq!(trouble.reject(), Rejection::Permanent);
    assert!(trouble.to_string().starts_with("ann: /"), "{trouble}");
    assert_eq!(maildir.names().len(), 2);
}

#[test]
fn a_second_session_finds_the_maildrop_in_use() {
    // R-1939-18
    let maildir = TestMaildir::new(&[]);
    let maildrop = maildir.open();
    assert!(matches!(maildir.try_open(), Err(OpenError::InUse)));
    drop(maildrop);
    assert_eq!(maildir.open().count(), 0);
}

#[test]
fn a_pipe_in_the_place_of_a_maildir_is_no_maildir() {
    let maildir = TestMaildir::new(&[]);
    let pipe = maildir.path("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    let Err(OpenError::Trouble(trouble)) = maildir::open(&Arc::from("ann"), Path::new(&pipe)) else { panic!("opened") };
    assert_eq!(trouble.reject(), Rejection::Permanent);
}
