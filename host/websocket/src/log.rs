//! The rules of a topic's frames, without I/O: which frames are new, which ones a joining socket
//! lacks, and when the numbers restart.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::Page;

/// Frames for sockets. All sockets share the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub frames: Vec<(u64, Utf8Bytes)>,
    /// The frames begin with a snapshot: every socket gets them.
    pub reset: bool,
}

impl Batch {
    pub fn last(&self) -> Option<u64> {
        self.frames.last().map(|(seq, _)| *seq)
    }

    /// The frames after `seq`, for a socket that has all frames up to `seq`.
    pub fn after(self: &Arc<Self>, seq: u64) -> Option<Arc<Self>> {
        if self.reset || self.frames.first().is_some_and(|(first, _)| *first > seq) {
            return Some(self.clone());
        }
        let frames: Vec<_> = self
            .frames
            .iter()
            .filter(|(number, _)| *number > seq)
            .cloned()
            .collect();
        (!frames.is_empty()).then(|| {
            Arc::new(Self {
                frames,
                reset: false,
            })
        })
    }
}

impl From<Page> for Batch {
    fn from(page: Page) -> Self {
        let frames = page
            .frames
            .into_iter()
            .map(|frame| (frame.seq, frame.text.into()))
            .collect();
        Self {
            frames,
            reset: page.reset,
        }
    }
}

/// The part of a topic that has been read: the position, and the most recent frames.
#[derive(Debug)]
pub(crate) struct Log {
    cursor: u64,
    recent: VecDeque<(u64, Utf8Bytes)>,
    bytes: usize,
    max_frames: usize,
}

/// The most text that a topic keeps in its recent frames. Bytes.
const MAX_BYTES: usize = 1 << 20;

/// What to do with a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    Nothing,
    /// Send them to all sockets.
    Frames(Arc<Batch>),
    /// Frames before these are missing, and there is no snapshot.
    Gap,
}

impl Log {
    pub fn new(cursor: u64, max_frames: usize) -> Self {
        Self {
            cursor,
            recent: VecDeque::new(),
            bytes: 0,
            max_frames,
        }
    }

    /// The number of the last frame.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Adds a page that was read after [`Self::cursor`].
    pub fn take(&mut self, page: Page) -> News {
        let mut batch = Batch::from(page);
        if batch.reset {
            self.recent.clear();
            self.bytes = 0;
        } else {
            batch.frames.retain(|(seq, _)| *seq > self.cursor);
        }
        let Some(last) = batch.last() else {
            return News::Nothing;
        };
        let first = if batch.reset { None } else { Some(self.cursor) };
        let numbers = batch.frames.iter().map(|(seq, _)| *seq);
        if !rises_by_one(first.into_iter().chain(numbers)) {
            return News::Gap;
        }
        self.cursor = last;
        for frame in &batch.frames {
            self.bytes += frame.1.len();
            self.recent.push_back(frame.clone());
        }
        while self.recent.len() > self.max_frames || self.bytes > MAX_BYTES {
            let Some((_, text)) = self.recent.pop_front() else {
                break;
            };
            self.bytes -= text.len();
        }
        News::Frames(Arc::new(batch))
    }

    /// The frames after `seq` that have been read. `None` when some of them are no longer kept.
    pub fn after(&self, seq: u64) -> Option<Batch> {
        let frames: Vec<_> = self
            .recent
            .iter()
            .filter(|(number, _)| *number > seq)
            .cloned()
            .collect();
        let complete = frames.first().is_some_and(|(first, _)| *first == seq + 1);
        (seq >= self.cursor || complete).then_some(Batch {
            frames,
            reset: false,
        })
    }
}

fn rises_by_one(mut numbers: impl Iterator<Item = u64>) -> bool {
    let Some(mut last) = numbers.next() else {
        return true;
    };
    numbers.all(|number| {
        let next = last.checked_add(1) == Some(number);
        last = number;
        next
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Frame;

    fn page(numbers: std::ops::RangeInclusive<u64>, reset: bool) -> Page {
        Page {
            frames: numbers
                .map(|seq| Frame {
                    seq,
                    text: format!("f{seq}"),
                })
                .collect(),
            reset,
        }
    }

    fn numbers(batch: &Batch) -> Vec<u64> {
        batch.frames.iter().map(|(seq, _)| *seq).collect()
    }

    #[track_caller]
    fn frames(news: News) -> Arc<Batch> {
        match news {
            News::Frames(batch) => batch,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn frames_read_before_are_not_sent_again() {
        let mut log = Log::new(5, 10);
        assert_eq!(log.take(page(4..=5, false)), News::Nothing);
        assert_eq!(numbers(&frames(log.take(page(4..=8, false)))), [6, 7, 8]);
        assert_eq!(log.cursor(), 8);
    }

    #[test]
    fn a_gap_is_noticed_and_a_reset_is_no_gap() {
        let mut log = Log::new(5, 10);
        assert_eq!(log.take(page(7..=8, false)), News::Gap);
        assert_eq!(log.cursor(), 5);
        assert_eq!(numbers(&frames(log.take(page(40..=41, true)))), [40, 41]);
        assert_eq!(log.cursor(), 41);
        assert_eq!(
            numbers(&frames(log.take(page(3..=3, true)))),
            [3],
            "a log that was lost starts anew"
        );
        assert_eq!(log.cursor(), 3);
        assert_eq!(
            log.after(2).unwrap().frames.len(),
            1,
            "nothing of the old log is handed out"
        );
    }

    #[test]
    fn a_joining_socket_gets_the_kept_frames_or_none() {
        let mut log = Log::new(0, 4);
        frames(log.take(page(1..=10, false)));
        assert_eq!(numbers(&log.after(8).unwrap()), [9, 10]);
        assert_eq!(numbers(&log.after(6).unwrap()), [7, 8, 9, 10]);
        assert_eq!(log.after(5), None, "6 is not kept any more");
        assert!(log.after(10).unwrap().frames.is_empty());
        assert!(log.after(12).unwrap().frames.is_empty(), "it is ahead");
    }

    #[test]
    fn a_socket_that_is_ahead_gets_no_frame_twice() {
        let batch = Arc::new(Batch::from(page(5..=8, false)));
        assert_eq!(numbers(&batch.after(6).unwrap()), [7, 8]);
        assert!(batch.after(8).is_none());
        assert!(
            Arc::ptr_eq(&batch.after(4).unwrap(), &batch),
            "the usual case copies nothing"
        );
        assert_eq!(
            numbers(&Arc::new(Batch::from(page(5..=8, true))).after(100).unwrap()),
            [5, 6, 7, 8]
        );
    }

    #[test]
    fn large_frames_do_not_pile_up() {
        let mut log = Log::new(0, 1_000);
        for seq in 1..=10 {
            frames(log.take(Page {
                frames: vec![Frame {
                    seq,
                    text: "x".repeat(400_000),
                }],
                reset: false,
            }));
        }
        assert!(log.bytes <= MAX_BYTES);
        assert_eq!(log.recent.len(), 2);
    }
}
