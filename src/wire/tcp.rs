use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::{HeaderError, HeaderSliceError};

use super::Stop;
use super::view::View;
use super::walk::Transport;
use crate::model::{Endpoint, Flags, Flow, Segment, Seq, Tunnel};

/// Is TCP's IP protocol number.
pub(super) const PROTOCOL: u8 = 6;

const LAYER: &str = "TCP";

/// Reads a TCP header (RFC 9293 §3.1); what follows it is payload.
pub(super) fn read<'a>(view: View<'a>, transport: &Transport, tunnel: Tunnel) -> Result<Segment<'a>, Stop> {
    let header = TcpHeaderSlice::from_slice(view.bytes).map_err(|error| match error {
        HeaderSliceError::Len(error) => view.short(LAYER, error.required_len),
        HeaderSliceError::Content(HeaderError::DataOffsetTooSmall { data_offset }) => {
            view.field(LAYER, "data offset", u64::from(data_offset))
        }
    })?;
    let payload = view.skip(LAYER, header.slice().len())?;
    Ok(Segment {
        flow: Flow {
            source: Endpoint::new(transport.source, header.source_port()),
            destination: Endpoint::new(transport.destination, header.destination_port()),
            tunnel,
        },
        seq: Seq(header.sequence_number()),
        ack: Seq(header.acknowledgment_number()),
        flags: Flags(header.slice().get(13).copied().unwrap_or_default()),
        window: header.window_size(),
        payload: payload.bytes,
        cut: u32::try_from(payload.cut).unwrap_or(u32::MAX),
    })
}
