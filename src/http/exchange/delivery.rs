//! Bodies that carry messages, passed on as they arrive.

use super::{HttpTracker, Output, Reading};
use crate::http::body::Body;
use crate::http::stream::{BodyPart, Carrier, Delivered, Exchange, Progress};
use crate::model::{Lost, Side};

impl HttpTracker {
    /// Starts delivering a body.
    pub(super) fn begin_delivery(&mut self, side: Side, body: Body, exchange: Exchange) {
        self.outputs.push_back(Output::Body { side, part: BodyPart::Begins(Box::new(exchange)) });
        self.reading[side] = Reading::Delivered(Box::new(Delivered::new(body)));
    }

    /// Creates the exchange of a body.
    pub(super) fn exchange_of(
        &self,
        carrier: Carrier,
        request: Option<&[u8]>,
        response: Option<&[u8]>,
    ) -> Exchange {
        let authority = self.rare.as_ref().and_then(|rare| rare.authority.as_deref());
        Exchange::of(carrier, request, response, authority)
    }

    /// Passes on bytes of the body; returns how many were consumed.
    pub(super) fn deliver(&mut self, side: Side, bytes: &[u8], fresh: bool) -> usize {
        let Reading::Delivered(body) = &mut self.reading[side] else { return 0 };
        let (outputs, carried) = (&mut self.outputs, self.carried);
        let (used, progress) = body.read(bytes, fresh, |piece| {
            if !piece.is_empty() {
                outputs.push_back(Output::Body { side, part: BodyPart::Bytes(piece.to_vec(), carried) });
            }
        });
        let is_broken = progress == Progress::Ended { whole: false } && used > 0;
        self.progress(side, progress);
        if is_broken {
            self.not_http();
        }
        used
    }

    /// Continues after missing bytes of such a body.
    pub(super) fn lose_delivered(&mut self, side: Side, lost: Lost) {
        let Reading::Delivered(body) = &mut self.reading[side] else { return };
        let outputs = &mut self.outputs;
        let progress =
            body.lose(lost, |lost| outputs.push_back(Output::Body { side, part: BodyPart::Gap(lost) }));
        self.progress(side, progress);
    }

    fn progress(&mut self, side: Side, progress: Progress) {
        let whole = match progress {
            Progress::More => return,
            Progress::Ended { whole } => whole,
            Progress::Lost => false,
        };
        self.reading[side] = Reading::Start;
        self.outputs.push_back(Output::Body { side, part: BodyPart::Ends { whole } });
        if progress == Progress::Lost {
            self.desynchronise(side);
        }
    }
}
