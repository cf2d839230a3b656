//! Frames that control the connection.

use super::connection::Connection;
use super::frame::{self, ErrorCode};
use super::output::{End, Output};
use super::setting::Setting;
use super::stream::Kind;
use crate::model::{Anomaly, Side};

impl Connection {
    /// Processes GOAWAY.
    pub(super) fn goaway(&mut self, side: Side, payload: &[u8]) {
        const SHOWN: usize = 256;
        let Some((last_stream, code, debug)) = frame::goaway(payload) else { return };
        if code != ErrorCode::NO_ERROR {
            let debug = String::from_utf8_lossy(debug.get(..SHOWN).unwrap_or(debug)).into();
            self.fault(side, 0, Anomaly::H2GoAway { code: code.name(), last_stream, debug });
        }
        if side == Side::Client {
            return; // It refers to streams opened by the server.
        }
        let ignored =
            self.reports.streams.iter_mut().filter(|stream| stream.delivers() && stream.id > last_stream);
        let ignored: Vec<_> = ignored.map(|stream| stream.id).collect();
        for id in ignored {
            self.close(side, id, End::GoAway(code));
        }
    }

    /// Processes the settings sent by a side.
    pub(super) fn settings(&mut self, side: Side, payload: &[u8]) {
        let is_first = side == Side::Server && self.connect_enabled.is_none();
        if is_first {
            self.connect_enabled = Some(false);
        }
        for setting in frame::settings(payload) {
            match Setting::read(side, setting, self.connect_enabled == Some(true)) {
                Setting::HeaderTableSize(size) => self.readers[!side].decoder.allow(size),
                Setting::InitialWindowSize(size) => self.flow.resize(side, size, &mut self.reports.streams),
                Setting::MaxFrameSize(size) => {
                    self.readers[!side].longest = self.readers[!side].longest.max(size);
                }
                Setting::ConnectProtocol(enabled) => self.connect_enabled = Some(enabled),
                Setting::Illegal { name, value } => {
                    self.fault(side, 0, Anomaly::H2SettingValue { setting: name, value });
                }
                Setting::Other => {}
            }
        }
        if is_first {
            let early = self.reports.streams.iter_mut().filter(|stream| stream.kind == Kind::Extended);
            let early: Vec<_> = early.map(|stream| stream.id).collect();
            early.into_iter().for_each(|id| self.judge_connect(id));
        }
    }

    /// Reports an extended CONNECT that the server does not allow, provided its settings were seen.
    pub(super) fn judge_connect(&mut self, id: u32) {
        let is_lossy = self.readers.client.lossy || self.readers.server.lossy;
        if self.connect_enabled == Some(false) && !is_lossy {
            let anomaly = Anomaly::H2ConnectNotEnabled { stream: id };
            self.reports.say(Output::Anomaly { side: Side::Client, stream: Some(id), anomaly });
        }
    }
}
