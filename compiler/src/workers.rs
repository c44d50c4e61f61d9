//! Work on all processors, with the results of one.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Pieces for each processor: enough that none waits long for another's last one.
const PIECES: usize = 8;

/// What `work` makes of each item, in the order of the items whoever was first.
pub(crate) fn map<I, R>(items: I, work: impl Fn(I::Item) -> R + Sync) -> Vec<R>
where
    I: IntoIterator<IntoIter: ExactSizeIterator + Send, Item: Send>,
    R: Send,
{
    let items = items.into_iter();
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let piece_len = items.len().div_ceil(workers * PIECES).max(1);
    let items = Mutex::new((0_usize.., items));
    let take = || {
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        let piece: Vec<I::Item> = items.1.by_ref().take(piece_len).collect();
        items.0.next().filter(|_| !piece.is_empty()).map(|number| (number, piece))
    };
    let run = || {
        let mut done = Vec::new();
        while let Some((number, piece)) = take() {
            done.push((number, piece.into_iter().map(&work).collect::<Vec<R>>()));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    let mut all = Vec::with_capacity(done.iter().map(|(_, results)| results.len()).sum());
    for (_, mut results) in done {
        all.append(&mut results);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for count in [0, 1, 7, 1000] {
            let items: Vec<u32> = (0..count).collect();
            let doubled: Vec<u32> = (0..count).map(|item| item * 2).collect();
            assert_eq!(map(&items, |item| item * 2), doubled);
            assert_eq!(map(items, |item| item * 2), doubled);
        }
    }
}
