//! News on its way to the device task. Telling never waits: if the device task does not keep up, values are dropped, and the
//! teller hears of it; how the link stands, restarts and the like are never dropped.

use crate::southbound::dnp3::field::{News, Seen, Source};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Notify, mpsc};

/// Most values that wait, unless one piece has more.
const MOST_VALUES: usize = 65_536;
/// Most pieces that wait.
const MOST_PIECES: usize = 256;
/// Most values that become one piece while they wait, or an outstation that reports each by itself would fill all places.
const JOINED: usize = 1_000;

/// News that nobody has taken yet.
#[derive(Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Default)]
struct Queue {
    news: VecDeque<News>,
    values: usize,
    dropped: u64,
}

impl Outbox {
    /// Puts news at the end. False if it was dropped.
    pub fn tell(&self, news: News) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = queue.put(news);
        drop(queue);
        self.filled.notify_one();
        kept
    }

    /// How many values were dropped so far.
    #[cfg(test)]
    pub fn dropped(&self) -> u64 {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).dropped
    }

    /// How many pieces wait.
    #[cfg(test)]
    pub fn pieces(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).news.len()
    }

    /// True if the device task keeps up.
    pub fn has_room(&self) -> bool {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.values < MOST_VALUES / 2 && queue.news.len() < MOST_PIECES / 2
    }

    /// Passes everything on, until nobody listens any more.
    pub async fn pass_on(&self, to: mpsc::Sender<News>) {
        loop {
            let next = self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
            match next {
                Some(news) => {
                    if to.send(news).await.is_err() {
                        return;
                    }
                }
                None => self.filled.notified().await,
            }
        }
    }
}

impl Queue {
    fn put(&mut self, news: News) -> bool {
        match &news {
            News::Values(source, seen) => {
                let full = self.values > 0 && self.values.saturating_add(seen.len()) > MOST_VALUES;
                let joined = !full && self.join(*source, seen);
                if !joined && (full || self.news.len() >= MOST_PIECES) {
                    self.dropped = self.dropped.saturating_add(u64::try_from(seen.len()).unwrap_or(u64::MAX));
                    return false;
                }
                self.values = self.values.saturating_add(seen.len());
                if joined {
                    return true;
                }
            }
            // Of what has a last word, only that counts; and what repeats itself without end takes no room.
            News::Link(_) | News::EndPoint(_) | News::Indications(_) | News::TaskFailed(..) => {
                if self.news.len() >= MOST_PIECES {
                    self.news.retain(|old| std::mem::discriminant(old) != std::mem::discriminant(&news));
                }
            }
            News::Restarted | News::ReadRanges => self.news.retain(|old| *old != news),
        }
        self.news.push_back(news);
        true
    }

    /// Puts values behind those that wait last, if nothing else came between and the piece stays small.
    fn join(&mut self, source: Source, seen: &[Seen]) -> bool {
        match self.news.back_mut() {
            Some(News::Values(Source::Unsolicited, waiting))
                if source == Source::Unsolicited && waiting.len().saturating_add(seen.len()) <= JOINED =>
            {
                waiting.extend_from_slice(seen);
                true
            }
            _ => false,
        }
    }

    fn take(&mut self) -> Option<News> {
        let news = self.news.pop_front()?;
        if let News::Values(_, seen) = &news {
            self.values = self.values.saturating_sub(seen.len());
        }
        Some(news)
    }
}
