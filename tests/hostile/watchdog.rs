//! A run that hangs fails its case.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A run takes milliseconds, with 100,000 files to discard less than a second; on a loaded machine, more.
const LIMIT: Duration = Duration::from_secs(30);

/// What is being done, and since when.
static CURRENT: Mutex<Option<(Instant, String)>> = Mutex::new(None);

/// Begins to watch.
pub(crate) fn start() {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            if let Some((since, what)) = &*CURRENT.lock().unwrap()
                && since.elapsed() > LIMIT
            {
                eprintln!("{what}: it hangs");
                std::process::exit(1);
            }
        }
    });
}

/// Does something that has to end in time.
pub(crate) fn watch<T>(what: &str, action: impl FnOnce() -> T) -> T {
    *CURRENT.lock().unwrap() = Some((Instant::now(), what.to_owned()));
    let result = action();
    *CURRENT.lock().unwrap() = None;
    result
}
