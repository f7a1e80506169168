//! The file of the database.

use std::fs;
use std::thread;

use rusqlite::Connection;
use server_sql::sqlite::Sqlite;
use server_sql::store::Store as _;

use crate::common::{OnSqlite, World as _, maildrop};

#[tokio::test]
async fn a_cold_start_of_many_at_once_makes_one_database() {
    let world = OnSqlite::new().await;
    let path = world.path();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| Sqlite::open(&path).map(drop))).collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_its_owners_alone_and_so_is_what_is_beside_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = OnSqlite::new().await;
    let store = world.open().await;
    maildrop(&store, "mrose").await;
    let files: Vec<_> = fs::read_dir(world.path().parent().unwrap()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 3, "the database, its log, and what its users share: {files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_left_as_it_is() {
    let world = OnSqlite::new().await;
    let path = world.path();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(error(&world).contains("another program has made it"));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_another_version_is_refused() {
    let world = OnSqlite::new().await;
    drop(world.open().await);
    Connection::open(world.path()).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    assert!(error(&world).contains("another version of this program has made it"));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let world = OnSqlite::new().await;
    let text = "no database ".repeat(1000);
    fs::write(world.path(), &text).unwrap();
    assert!(error(&world).contains("not a database"));
    assert_eq!(fs::read_to_string(world.path()).unwrap(), text);
}

/// All mail would be gone from it, and nobody would notice.
#[tokio::test]
async fn a_file_that_vanishes_is_not_made_anew() {
    let world = OnSqlite::new().await;
    let store = world.open().await;
    for entry in fs::read_dir(world.path().parent().unwrap()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    assert!(store.user(b"mrose").await.is_err());
    assert!(!world.path().exists());
}

/// The error of opening the file, which names it.
fn error(world: &OnSqlite) -> String {
    let error = Sqlite::open(&world.path()).err().unwrap().to_string();
    assert!(error.starts_with(world.path().to_str().unwrap()), "{error}");
    error
}
