//! A client as far as sharing concerns it: it reads a stream, knows its place, and connects again when a stream has ended.

use super::run::index_of;
use rejoin_core::tabs::Kind;
use rejoin_wire::sse::{Decoder, Item, Limits};

/// What one tab's client has.
#[derive(Debug)]
pub(super) struct Reader {
    kind: Kind,
    /// How many events of the run it has, in order and without a gap.
    pub(super) had: usize,
    /// Distinct ids.
    last: Option<String>,
    before_last: Option<String>,
    link: Option<Link>,
}

#[derive(Debug)]
struct Link {
    decoder: Decoder,
    opened: bool,
}

impl Reader {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            had: 0,
            last: None,
            before_last: None,
            link: None,
        }
    }

    pub(super) fn cursor(&self) -> String {
        let (had, start) = match self.kind {
            Kind::Run => (&self.before_last, "-1"),
            Kind::Feed => (&self.last, ""),
        };
        had.clone().unwrap_or_else(|| start.to_owned())
    }

    pub(super) fn connect(&mut self) {
        self.link = Some(Link {
            decoder: Decoder::new(Limits::default()),
            opened: false,
        });
    }

    pub(super) fn opened(&mut self) -> Result<(), String> {
        let link = self.link.as_mut().ok_or("opened without having asked")?;
        match std::mem::replace(&mut link.opened, true) {
            false => Ok(()),
            true => Err("opened twice".to_owned()),
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), String> {
        let link = self.link.as_mut().ok_or("bytes after the end")?;
        if !link.opened {
            return Err("bytes before the stream has opened".to_owned());
        }
        link.decoder.push(bytes);
        let mut events = Vec::new();
        while let Some(item) = link.decoder.next_item() {
            match item.map_err(|error| format!("damaged: {error:?}"))? {
                Item::Frame(frame) => events.push(frame),
                Item::Comment | Item::Control { .. } => {}
            }
        }
        for event in events {
            let index = index_of(&event.data)?;
            if index > self.had {
                return Err(format!("a gap: {index} comes after {}", self.had));
            }
            if index == self.had {
                self.had += 1;
                if self.last != event.id {
                    self.before_last = std::mem::replace(&mut self.last, event.id);
                }
            }
        }
        Ok(())
    }

    /// Whether a stream was open.
    pub(super) fn ended(&mut self) -> bool {
        self.link.take().is_some()
    }
}
