//! Network addresses: keyed, and prefix-preserving.
//!
//! Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization, ICNP 2002): bit i of the result is bit i of
//! the address, flipped or not as AES decides of the i bits before it, so that two addresses that share their first n bits
//! share exactly n bits afterwards. IPv6 addresses work as IPv4 ones do, over 128 bits; an IPv4 address mapped into IPv6
//! becomes what the IPv4 address becomes. Addresses in networks that are kept stay, and no other becomes one of these:
//! an address that would is sent round again, which keeps it one-to-one.

use super::key::Key;
use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: all addresses that begin with the first bits of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl std::str::FromStr for Network {
    type Err = String;

    /// Reads `10.0.0.0/8`, `::1/128` or a single address.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}: not a network; write 10.0.0.0/8 or ::1/128");
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            "" => most,
            bits => bits.parse().map_err(|_| wrong())?,
        };
        match bits <= most {
            true => Ok(Network { address, bits }),
            false => Err(wrong()),
        }
    }
}

impl Network {
    /// Whether every address is in it.
    pub(crate) fn is_everything(&self) -> bool {
        self.bits == 0
    }

    fn holds(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && (left(address) ^ left(self.address)).leading_zeros() >= self.bits
    }
}

/// An address as the upper bits of 128.
fn left(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u128::from(u32::from(a)) << 96,
        IpAddr::V6(a) => u128::from(a),
    }
}

/// The pseudonyms of addresses.
pub(crate) struct Addresses {
    cipher: Aes128,
    pad: u128,
    keep: Vec<Network>,
}

impl Addresses {
    /// With a key of its own derived from `key`; addresses in `keep` stay as they are.
    pub(crate) fn new(key: &Key, keep: Vec<Network>) -> Self {
        Addresses::with(&key.of("addresses"), keep)
    }

    /// With Crypto-PAn's own 32 bytes: an AES key, and what is encrypted to get the padding.
    fn with(key: &[u8; 32], keep: Vec<Network>) -> Self {
        let (aes, pad) = key.split_at(16);
        let aes: [u8; 16] = aes.try_into().expect("half of 32");
        let pad: [u8; 16] = pad.try_into().expect("half of 32");
        let cipher = Aes128::new(&aes.into());
        let pad = encrypted(&cipher, u128::from_be_bytes(pad));
        Addresses { cipher, pad, keep }
    }

    /// The pseudonym of an address.
    pub(crate) fn address(&self, address: IpAddr) -> IpAddr {
        if let IpAddr::V6(v6) = address
            && let Some(v4) = v6.to_ipv4_mapped()
        {
            return match self.address(IpAddr::V4(v4)) {
                IpAddr::V4(v4) => IpAddr::V6(v4.to_ipv6_mapped()),
                v6 => v6,
            };
        }
        let taken = |a: IpAddr| {
            self.keep.iter().any(|n| n.holds(a))
                || matches!(a, IpAddr::V6(a) if a.to_ipv4_mapped().is_some())
        };
        if taken(address) {
            return address;
        }
        let mut result = self.once(address);
        while taken(result) {
            result = self.once(result);
        }
        result
    }

    /// Crypto-PAn.
    fn once(&self, address: IpAddr) -> IpAddr {
        let (whole, width) = (left(address), if address.is_ipv4() { 32 } else { 128 });
        let mut flips = 0_u128;
        for bit in 0..width {
            let below = u128::MAX.checked_shr(bit).unwrap_or(0);
            let input = (whole & !below) | (self.pad & below);
            flips |= (encrypted(&self.cipher, input) >> 127) << (127 - bit);
        }
        let result = whole ^ flips;
        match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from((result >> 96) as u32)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(result)),
        }
    }
}

fn encrypted(cipher: &Aes128, block: u128) -> u128 {
    let mut block = block.to_be_bytes().into();
    cipher.encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of the sample that its authors published with Crypto-PAn 1.0.
    const SAMPLE: [u8; 32] = [
        21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131,
        121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2,
    ];

    fn of(addresses: &Addresses, text: &str) -> String {
        addresses.address(text.parse().unwrap()).to_string()
    }

    #[test]
    fn the_published_vectors_hold() {
        let a = Addresses::with(&SAMPLE, Vec::new());
        for (raw, expected) in [
            ("128.11.68.132", "135.242.180.132"),
            ("129.118.74.4", "134.136.186.123"),
            ("130.132.252.244", "133.68.164.234"),
            ("141.223.7.43", "141.167.8.160"),
            ("141.233.145.108", "141.129.237.235"),
            ("152.163.225.39", "151.140.114.167"),
            ("156.29.3.236", "147.225.12.42"),
            ("165.247.96.84", "162.9.99.234"),
            ("166.107.77.190", "160.132.178.185"),
            ("192.102.249.13", "252.138.62.131"),
        ] {
            assert_eq!(of(&a, raw), expected, "{raw}");
        }
        // The self-test of pycryptopan and yacryptopan, with the key 0, 1, 2 … 31.
        let counting: [u8; 32] = std::array::from_fn(|i| i as u8);
        let a = Addresses::with(&counting, Vec::new());
        assert_eq!(of(&a, "192.0.2.1"), "2.90.93.17");
        assert_eq!(
            of(&a, "2001:db8::1"),
            "dd92:2c44:3fc0:ff1e:7ff9:c7f0:8180:7e00"
        );
    }

    #[test]
    fn common_prefixes_stay_as_long_as_they_were() {
        let a = Addresses::with(&SAMPLE, Vec::new());
        for (one, other) in [
            ("10.1.2.3", "10.1.2.77"),
            ("2001:db8::1", "2001:db8:8000::1"),
        ] {
            let (one, other): (IpAddr, IpAddr) = (one.parse().unwrap(), other.parse().unwrap());
            let common = |x, y| (left(x) ^ left(y)).leading_zeros();
            assert_eq!(common(one, other), common(a.address(one), a.address(other)));
        }
    }

    #[test]
    fn kept_networks_stay_and_nothing_else_becomes_one() {
        let keep = ["127.0.0.0/8", "::1"].map(|n| n.parse().unwrap());
        let a = Addresses::with(&SAMPLE, keep.to_vec());
        assert_eq!(of(&a, "127.0.0.1"), "127.0.0.1");
        assert_eq!(of(&a, "::1"), "::1");
        assert_eq!(of(&a, "::ffff:127.0.0.1"), "::ffff:127.0.0.1");
        let mapped = of(&a, "::ffff:10.1.2.3");
        assert_eq!(mapped, format!("::ffff:{}", of(&a, "10.1.2.3")));
        let mut results = std::collections::HashSet::new();
        for first in 0..=255_u8 {
            let result = a.address(IpAddr::V4(Ipv4Addr::new(first, 2, 3, 4)));
            assert!(
                first == 127 || !keep[0].holds(result),
                "{first} became {result}"
            );
            assert!(results.insert(result));
        }
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
