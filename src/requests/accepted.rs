//! What an accept returned: the descriptor, and the client's address as the tracer shows it.

use super::binding::Accept;
use super::current::Current;
use super::fields::At;
use super::request::Client;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Address families, `sys/socket.h`.
pub(crate) const AF_UNIX: i64 = 1;
const AF_INET: i64 = 2;
const AF_INET6: i64 = 10;

/// Descriptor and client of an accept that gave a connection over the internet protocols.
pub(crate) fn accepted(accept: &Accept, event: &Current) -> Option<(i64, Client)> {
    let integer = |at: Option<At>| at.and_then(|at| event.value(at));
    let fd = event.value(accept.ret).filter(|ret| *ret >= 0)?;
    let address = match integer(accept.family)? {
        AF_INET => accept.v4.and_then(|at| v4(&event.list(at))),
        AF_INET6 => accept.v6.and_then(|at| v6(&event.list(at))),
        _ => return None,
    };
    let port = integer(accept.port).and_then(|p| i32::try_from(p).ok());
    Some((fd, (address, port)))
}

/// Descriptor of an accept that gave a connection within the machine.
pub(crate) fn accepted_local(accept: &Accept, event: &Current) -> Option<i64> {
    let fd = event.value(accept.ret).filter(|ret| *ret >= 0)?;
    let family = event.value(accept.family?)?;
    (family == AF_UNIX).then_some(fd)
}

/// An IPv4 address, which LTTng traces as four bytes.
fn v4(numbers: &[i64]) -> Option<IpAddr> {
    let bytes: Vec<u8> = numbers.iter().map(|n| *n as u8).collect();
    let bytes = <[u8; 4]>::try_from(bytes).ok()?;
    Some(Ipv4Addr::from(bytes).into())
}

/// An IPv6 address, which LTTng traces as eight numbers of 16 bits; one that maps an IPv4 address (RFC 4291, 2.5.5.2) as
/// IPv4. Sixteen bytes are understood, too.
fn v6(numbers: &[i64]) -> Option<IpAddr> {
    let address = match numbers.len() {
        8 => {
            let segments: Vec<u16> = numbers.iter().map(|n| *n as u16).collect();
            Ipv6Addr::from(<[u16; 8]>::try_from(segments).ok()?)
        }
        _ => {
            let bytes: Vec<u8> = numbers.iter().map(|n| *n as u8).collect();
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)
        }
    };
    let v4 = address.to_ipv4_mapped();
    Some(v4.map_or(IpAddr::from(address), IpAddr::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_in_bytes_or_in_pairs_of_them() {
        let mapped = Some(IpAddr::from([10, 0, 2, 2]));
        assert_eq!(v6(&[0, 0, 0, 0, 0, 0xffff, 2560, 514]), mapped);
        let bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 2, 2];
        assert_eq!(v6(&bytes), mapped);
        assert_eq!(v6(&[0, 0, 0, 0, 0, 0, 0, 1]), "::1".parse().ok());
        assert_eq!(v6(&[1]), None);
        assert_eq!(v4(&[10, 0, 2, 2]), mapped);
    }
}
