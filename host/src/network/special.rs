//! What addresses are for, from the registries of special-purpose addresses of IANA (RFC 6890 and its successors) and the
//! metadata services of clouds.
//!
//! `std` can tell a few of these kinds on stable Rust; the rest, above all whether an address is global, is not stable
//! there.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is none of a receiver on the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Special {
    /// 0.0.0.0/8, ::
    Unspecified,
    /// 127.0.0.0/8, ::1
    Loopback,
    /// RFC 1918; unique local IPv6 addresses and the older site-local ones
    Private,
    /// 100.64.0.0/10, behind the NAT of a carrier (RFC 6598)
    SharedNat,
    /// 169.254.0.0/16, fe80::/10
    LinkLocal,
    /// Where clouds tell their machines credentials.
    Metadata,
    /// 224.0.0.0/4, ff00::/8
    Multicast,
    /// For examples in documents.
    Documentation,
    /// 198.18.0.0/15, 2001:2::/48
    Benchmarking,
    /// 64:ff9b:1::/48: behind a translator of the local network (RFC 8215), to whatever address its operator thought of
    Translated,
    /// Assigned to protocols, not assigned, or broadcast.
    Reserved,
}

impl Special {
    /// In words, with an article: "a loopback address".
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unspecified => "the unspecified address of this machine",
            Self::Loopback => "a loopback address, which is this machine itself",
            Self::Private => "an address of a private network",
            Self::SharedNat => "an address of a carrier's inner network",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "the metadata service of a cloud",
            Self::Multicast => "a multicast address",
            Self::Documentation => "an address for examples",
            Self::Benchmarking => "an address for benchmarks",
            Self::Translated => "an address behind a local translator",
            Self::Reserved => "a reserved address",
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(high: [u16; 4], prefix: u8) -> Ipv6Net {
    let [a, b, c, d] = high;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix)
}

/// The first match counts.
const V4: [(Ipv4Net, Special); 21] = [
    // AWS, Azure, Google, DigitalOcean and most others
    (v4(169, 254, 169, 254, 32), Special::Metadata),
    // Credentials of containers and pods at AWS
    (v4(169, 254, 170, 2, 32), Special::Metadata),
    (v4(169, 254, 170, 23, 32), Special::Metadata),
    // Alibaba, Oracle, and Azure's channel to its machines, which is a public address
    (v4(100, 100, 100, 200, 32), Special::Metadata),
    (v4(192, 0, 0, 192, 32), Special::Metadata),
    (v4(168, 63, 129, 16, 32), Special::Metadata),
    (v4(0, 0, 0, 0, 8), Special::Unspecified),
    (v4(10, 0, 0, 0, 8), Special::Private),
    (v4(100, 64, 0, 0, 10), Special::SharedNat),
    (v4(127, 0, 0, 0, 8), Special::Loopback),
    (v4(169, 254, 0, 0, 16), Special::LinkLocal),
    (v4(172, 16, 0, 0, 12), Special::Private),
    (v4(192, 0, 0, 0, 24), Special::Reserved),
    (v4(192, 0, 2, 0, 24), Special::Documentation),
    // The former anycast address of 6to4 (RFC 7526)
    (v4(192, 88, 99, 0, 24), Special::Reserved),
    (v4(192, 168, 0, 0, 16), Special::Private),
    (v4(198, 18, 0, 0, 15), Special::Benchmarking),
    (v4(198, 51, 100, 0, 24), Special::Documentation),
    (v4(203, 0, 113, 0, 24), Special::Documentation),
    (v4(224, 0, 0, 0, 4), Special::Multicast),
    (v4(240, 0, 0, 0, 4), Special::Reserved),
];

/// The first match counts; what is in none of them and not in 2000::/3 is reserved.
const V6: [(Ipv6Net, Special); 14] = [
    // AWS over IPv6, and its containers and pods; Google over IPv6
    (
        one([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]),
        Special::Metadata,
    ),
    (one([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23]), Special::Metadata),
    (one([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]), Special::Metadata),
    (one([0, 0, 0, 0, 0, 0, 0, 0]), Special::Unspecified),
    (one([0, 0, 0, 0, 0, 0, 0, 1]), Special::Loopback),
    (v6([0xfc00, 0, 0, 0], 7), Special::Private),
    (v6([0xfe80, 0, 0, 0], 10), Special::LinkLocal),
    (v6([0xfec0, 0, 0, 0], 10), Special::Private),
    (v6([0xff00, 0, 0, 0], 8), Special::Multicast),
    (v6([0x64, 0xff9b, 1, 0], 48), Special::Translated),
    (v6([0x2001, 0xdb8, 0, 0], 32), Special::Documentation),
    (v6([0x3fff, 0, 0, 0], 20), Special::Documentation),
    (v6([0x2001, 2, 0, 0], 48), Special::Benchmarking),
    // Protocol assignments. Teredo, which is one of them, is asked for before.
    (v6([0x2001, 0, 0, 0], 23), Special::Reserved),
];

const fn one(parts: [u16; 8]) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = parts;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), 128)
}

const GLOBAL: Ipv6Net = v6([0x2000, 0, 0, 0], 3);
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0], 32);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0], 16);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0], 96);
const COMPATIBLE: Ipv6Net = v6([0, 0, 0, 0], 96);
/// `::ffff:0:a.b.c.d`, of stateless translators (RFC 2765).
const TRANSLATED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96);

/// Why this address is none of a receiver on the internet; `None` for one that is, and for one that is as good as the IPv4
/// addresses inside it ([`embedded`]).
pub(super) fn of(address: IpAddr) -> Option<Special> {
    match address.to_canonical() {
        IpAddr::V4(address) => first(&V4, |net| net.contains(&address)),
        IpAddr::V6(address) => {
            if !TEREDO.contains(&address)
                && let Some(special) = first(&V6, |net| net.contains(&address))
            {
                return Some(special);
            }
            let known = GLOBAL.contains(&address) || embedded(address).next().is_some();
            (!known).then_some(Special::Reserved)
        }
    }
}

fn first<N>(table: &[(N, Special)], contains: impl Fn(&N) -> bool) -> Option<Special> {
    let found = table.iter().find(|(net, _)| contains(net));
    found.map(|(_, special)| *special)
}

/// IPv4 addresses inside an IPv6 address, to which routers and translators may pass on what is sent to it: compatible and
/// translated ones, NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo's server and client (RFC 4380), ISATAP (RFC 5214). Mapped
/// ones are IPv4 already.
pub(super) fn embedded(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    let last = Ipv4Addr::new(a, b, c, d);
    let [_, s1, s2, s3, ..] = address.segments();
    let pair = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    let in_last = [COMPATIBLE, TRANSLATED, NAT64]
        .iter()
        .any(|net| net.contains(&address));
    let [_, _, _, _, isatap_high, isatap_low, ..] = address.segments();
    // The second lowest bit of the first byte says whether the rest is unique, and may be either.
    let in_isatap = isatap_high & 0xfdff == 0 && isatap_low == 0x5efe;
    let teredo = TEREDO.contains(&address);
    [
        (in_last || in_isatap).then_some(last),
        SIX_TO_FOUR.contains(&address).then(|| pair(s1, s2)),
        teredo.then(|| pair(s2, s3)),
        teredo.then(|| Ipv4Addr::from(!u32::from(last))),
    ]
    .into_iter()
    .flatten()
}
