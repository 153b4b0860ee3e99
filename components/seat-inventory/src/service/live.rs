//! The live feed: who opens it gets a snapshot or the frames that were missed; the host reads what
//! comes after.

use std::rc::Rc;

use eventhub_guest::ids::SessionId;

use super::{Error, Inventory};
use crate::domain::feed;
use crate::domain::sale::Sale;
use crate::leases::{self, Feed};
use crate::ports::Ports;

/// Sequence number and text.
pub type Frame = (u64, String);

/// What a new listener gets.
pub struct Opening {
    pub topic: String,
    pub frames: Vec<Frame>,
    /// Where the topic goes on.
    pub seq: u64,
}

/// What comes after a sequence number.
pub struct Page {
    pub frames: Vec<Frame>,
    /// Begins with a snapshot, since frames were lost.
    pub reset: bool,
}

impl<P: Ports> Inventory<P> {
    /// `since`: the last frame that the listener has seen.
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

    /// Frames of a topic after `seq`.
    pub fn read(&self, topic: &str, seq: u64) -> Result<Page, Error> {
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
            // Listeners must see numbers rise, so the feed goes on behind what they have.
            None => Ok(Page {
                frames: vec![self.snapshot(sale, seq.saturating_add(1))?],
                reset: true,
            }),
        }
    }

    fn frames_after(&self, sale: &Sale, seq: u64) -> Result<Option<Vec<Frame>>, Error> {
        match self.run(&leases::feed(sale.number, seq), leases::feed_answer)? {
            Feed::Lost => Ok(None),
            Feed::Frames(last, frames) => {
                let layout = self.layout(sale)?;
                let names = self.names(sale, &layout)?;
                let first = last + 1 - frames.len() as u64;
                let numbered = frames.iter().zip(first..);
                let made = numbered
                    .map(|(frame, seq)| (seq, feed::delta(seq, frame, names, &layout.areas)));
                Ok(Some(made.collect()))
            }
        }
    }

    fn snapshot(&self, sale: Rc<Sale>, least_seq: u64) -> Result<Frame, Error> {
        let seats = self.seats_from(sale, least_seq)?;
        let names = self.names(&seats.sale, &seats.layout)?;
        Ok((
            seats.seq,
            feed::snapshot(seats.seq, &seats.occupancy, names),
        ))
    }
}
