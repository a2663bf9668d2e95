//! A database of countries, made to order.
//!
//! The format is MaxMind DB 2.0: a binary tree over the bits of an IPv6 address (IPv4 is below `::/96`) with records of 24 bits,
//! sixteen zero bytes, the data, a marker, the metadata. <https://maxmind.github.io/MaxMind-DB/>

use std::net::Ipv4Addr;

/// A record of the tree.
#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Data(usize),
}

/// The bytes of a database that knows these networks, which must not overlap: address, bits, country.
pub(crate) fn country_database(networks: &[(Ipv4Addr, u32, &str)]) -> Vec<u8> {
    let (mut nodes, mut data) = (vec![[Record::Nothing; 2]], Vec::new());
    for (address, bits, country) in networks {
        let value = Record::Data(data.len());
        data.extend(map(&[("country", map(&[("iso_code", text(country))]))]));
        let (bits, path, mut node) = (96 + bits, u128::from(address.to_bits()), 0);
        for depth in 0..bits {
            let side = usize::from(path >> (127 - depth) & 1 == 1);
            if depth + 1 == bits {
                nodes[node][side] = value;
            } else if let Record::Node(next) = nodes[node][side] {
                node = next;
            } else {
                nodes[node][side] = Record::Node(nodes.len());
                node = nodes.len();
                nodes.push([Record::Nothing; 2]);
            }
        }
    }
    let mut bytes = Vec::new();
    for record in nodes.iter().flatten() {
        let number = match record {
            Record::Nothing => nodes.len(),
            Record::Node(node) => *node,
            Record::Data(offset) => nodes.len() + 16 + offset,
        };
        bytes.extend_from_slice(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
    }
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend(data);
    bytes.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    bytes.extend(map(&[
        ("binary_format_major_version", number(5, 2)),
        ("binary_format_minor_version", number(5, 0)),
        // An integer of 64 bits and an array have their type in a byte of its own, less 7.
        ("build_epoch", vec![0x01, 2, 1]),
        ("database_type", text("Test-Country")),
        ("description", map(&[])),
        ("ip_version", number(5, 6)),
        ("languages", vec![0x00, 4]),
        ("node_count", number(6, u32::try_from(nodes.len()).unwrap())),
        ("record_size", number(5, 24)),
    ]));
    bytes
}

/// The control byte of a value: its type and its size, below 29.
fn control(kind: u8, size: usize) -> u8 {
    assert!(size < 29);
    kind << 5 | u8::try_from(size).unwrap()
}

fn text(text: &str) -> Vec<u8> {
    [&[control(2, text.len())], text.as_bytes()].concat()
}

fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let written = members.iter().flat_map(|(name, value)| [text(name), value.clone()].concat());
    [control(7, members.len())].into_iter().chain(written).collect()
}

/// An unsigned integer of type 5 (16 bits) or 6 (32 bits), without leading zeros.
fn number(kind: u8, value: u32) -> Vec<u8> {
    let bytes: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    [&[control(kind, bytes.len())], bytes.as_slice()].concat()
}
