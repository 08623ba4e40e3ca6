//! Whose address a connection counts for where trusted proxies bring it. Pure.

use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The trusted proxies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fronts(pub(crate) Vec<IpNet>);

impl Fronts {
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }

    /// The client behind `peer`, by the values of `X-Forwarded-For` in their order: the rightmost address that no trusted
    /// proxy has. What stands left of it anybody may have written. A trusted proxy's own, where there is no other.
    pub(crate) fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut hops = forwarded_for.rev().flat_map(|value| value.rsplit(','));
        while self.trusts(client) {
            match hops.next().and_then(address) {
                Some(next) => client = next,
                None => break,
            }
        }
        client
    }
}

/// An address as proxies write it, some with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let plain = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let address = plain.or_else(|| text.parse::<SocketAddr>().ok().map(|with| with.ip()));
    address.map(|address| address.to_canonical())
}

/// A network as an option names it: `10.0.0.0/8`, or one address.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| one()).map_err(|_| {
        format!("'{text}' is no address such as 10.0.0.7 and no network such as 10.0.0.0/8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rightmost_address_that_no_trusted_proxy_has() {
        let nets = ["10.0.0.0/8", "2001:db8::/32", "192.168.0.7"];
        let fronts = Fronts(nets.iter().map(|net| network(net).unwrap()).collect());
        for (peer, values, client) in [
            // Nobody believes a stranger.
            ("1.1.1.1", &["9.9.9.9"][..], "1.1.1.1"),
            ("10.0.0.1", &["9.9.9.9"], "9.9.9.9"),
            ("::ffff:10.0.0.1", &["9.9.9.9"], "9.9.9.9"),
            ("10.0.0.1", &["7.7.7.7, 9.9.9.9"], "9.9.9.9"),
            ("10.0.0.1", &["7.7.7.7", "9.9.9.9"], "9.9.9.9"),
            (
                "10.0.0.1",
                &["7.7.7.7, 9.9.9.9,10.0.0.2", "192.168.0.7"],
                "9.9.9.9",
            ),
            ("2001:db8::1", &["2a00::1"], "2a00::1"),
            ("10.0.0.1", &["[2a00::1]:443"], "2a00::1"),
            ("10.0.0.1", &["[2a00::1]"], "2a00::1"),
            ("10.0.0.1", &["9.9.9.9:1234"], "9.9.9.9"),
            ("10.0.0.1", &["::ffff:9.9.9.9"], "9.9.9.9"),
            // There is no other, or none that can be read.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["9.9.9.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ] {
            let found = fronts.client(peer.parse().unwrap(), values.iter().copied());
            assert_eq!(found.to_string(), client, "{peer} {values:?}");
        }
    }

    #[test]
    fn networks() {
        assert_eq!(network("10.0.0.7"), Ok("10.0.0.7/32".parse().unwrap()));
        assert!(network("::1").is_ok() && network("10.0.0.0/8").is_ok());
        for bad in ["", "localhost", "10.0.0.0/33", "10.0.0"] {
            assert!(network(bad).unwrap_err().contains("10.0.0.0/8"), "{bad}");
        }
    }
}
