//! Files with equal base names, which no Maildir should have.
//!
//! A message's unique-id comes from its base name. If two messages shared one, the second would take over the id when
//! the first is removed, and a client that knows the id would never fetch the second. So one of them is renamed for good.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::folders::MessageFile;
use super::report::report;
use super::trouble::Trouble;

/// Gives all files but the first of each base name another name. The first is one in `cur/`, where messages are longer
/// than in `new/`, and of those the oldest. Whoever calls this holds the Maildir's lock.
///
/// Returns whether that is done; `false` when another program has renamed or removed one of the files meanwhile, so
/// that the folders have to be looked at again.
pub(crate) fn tell_apart(account: &Arc<str>, maildir: &Path, files: &mut [MessageFile]) -> Result<bool, Trouble> {
    for same in files.chunk_by_mut(|one, other| one.base_name() == other.base_name()) {
        if same.len() > 1 && !rename_all_but_one(account, maildir, same)? {
            return Ok(false);
        }
    }
    files.sort_unstable();
    Ok(true)
}

fn rename_all_but_one(account: &Arc<str>, maildir: &Path, same: &mut [MessageFile]) -> Result<bool, Trouble> {
    let mut ages = Vec::with_capacity(same.len());
    for file in same.iter() {
        let path = file.path(maildir);
        match fs::symlink_metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(time) => ages.push((file.folder == "new", time, file.name().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Trouble::new(account, path, error)),
        }
    }
    let first = ages.iter().enumerate().min_by_key(|(_, age)| *age).map_or(0, |(index, _)| index);
    same.swap(0, first);
    let Some((first, others)) = same.split_first_mut() else { return Ok(true) };
    for file in others {
        let from = file.path(maildir);
        let name = fresh_name(file);
        match fs::rename(&from, maildir.join(file.folder).join(&name)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            // Waiting won't help: somebody has to name one of the two.
            Err(error) => return Err(Trouble::new(account, from, error).permanent()),
        }
        let (from, first) = (from.display(), first.path(maildir));
        report(format_args!("{account}: {from}: renamed to {name}, since {} has the same base name", first.display()));
        *file = file.renamed(name.into());
    }
    Ok(true)
}

/// A name that no message has had, by the rules of Maildir: time, process and count. Sizes and flags stay in it.
fn fresh_name(file: &MessageFile) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);

    let name = file.name().to_string_lossy();
    let kept = name.find([',', ':']).map_or("", |at| &name[at..]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, micros, count) = (now.as_secs(), now.subsec_micros(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("{seconds}.M{micros}P{}Q{count}.renamed{kept}", process::id())
}
