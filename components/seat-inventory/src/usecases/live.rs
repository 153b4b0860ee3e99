//! The live feed: a listener gets a snapshot or the frames that it has missed; the host reads the
//! frames that follow.

use std::rc::Rc;

use eventhub_guest::capabilities::websocket;
use eventhub_guest::ids::SessionId;

use super::Inventory;
use crate::domain::feed;
use crate::domain::sale::Sale;
use crate::error::Error;
use crate::leases::{self, Feed};

/// Sequence number and text.
pub type Frame = (u64, String);

/// What a new listener gets.
pub struct Opening {
    pub topic: String,
    pub frames: Vec<Frame>,
    /// The number of the last of them.
    pub seq: u64,
}

/// The frames after a sequence number.
pub struct Page {
    pub frames: Vec<Frame>,
    /// Begins with a snapshot, since frames were lost.
    pub reset: bool,
}

/// Says that the live feed of a session has something new.
pub(super) fn notify(sale: &Sale) {
    websocket::notify(&sale.topic());
}

impl Inventory {
    /// Opens the feed of a session. `since`: the last frame that the listener has seen.
    pub fn listen(&self, session: SessionId, since: Option<u64>) -> Result<Opening, Error> {
        let sale = self.sale(session)?;
        let topic = sale.topic();
        if let Some(since) = since
            && let Some(frames) = self.frames_after(&sale, since)?
        {
            let seq = frames.last().map_or(since, |(seq, _)| *seq);
            return Ok(Opening { topic, frames, seq });
        }
        let frame = self.snapshot(sale, 0)?;
        Ok(Opening {
            topic,
            seq: frame.0,
            frames: vec![frame],
        })
    }

    /// Reads the frames of a topic after `seq`.
    pub fn read_frames(&self, topic: &str, seq: u64) -> Result<Page, Error> {
        let session = topic
            .strip_prefix("session:")
            .and_then(|id| id.parse().ok())
            .ok_or(Error::NotFound("topic"))?;
        let sale = self.sale(session)?;
        match self.frames_after(&sale, seq)? {
            Some(frames) => Ok(Page {
                frames,
                reset: false,
            }),
            // Numbers must rise for listeners, so the feed goes on after the number that they have.
            None => Ok(Page {
                frames: vec![self.snapshot(sale, seq.saturating_add(1))?],
                reset: true,
            }),
        }
    }

    fn frames_after(&self, sale: &Sale, seq: u64) -> Result<Option<Vec<Frame>>, Error> {
        match leases::read_feed(sale.number, seq).run()? {
            Feed::Lost => Ok(None),
            Feed::Frames(last, frames) => {
                let layout = self.layout(sale)?;
                let names = self.seat_names(sale, &layout)?;
                let first = last + 1 - frames.len() as u64;
                let numbered = frames.iter().zip(first..);
                let frames = numbered.map(|(frame, seq)| {
                    (seq, feed::format_delta(seq, frame, names, &layout.areas))
                });
                Ok(Some(frames.collect()))
            }
        }
    }

    fn snapshot(&self, sale: Rc<Sale>, least_seq: u64) -> Result<Frame, Error> {
        let seats = self.seats_from(sale, least_seq)?;
        let names = self.seat_names(&seats.sale, &seats.layout)?;
        Ok((
            seats.seq,
            feed::format_snapshot(seats.seq, &seats.occupancy, names),
        ))
    }
}
