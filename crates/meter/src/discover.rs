//! Which serial ports there are, and which one a configuration means.
//!
//! `/dev/ttyUSB0` is a name the kernel deals out in the order of plugging, so an adapter that was
//! pulled out and put back may come back as `/dev/ttyUSB1`. A port can therefore be named by its
//! link in `/dev/serial/by-id` or by the adapter's USB identity, and a port named by its path is
//! remembered by that identity once it was open.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Which port is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortSelector {
    /// The device at this path.
    Path(PathBuf),
    /// The link with this name in `/dev/serial/by-id`, or any other link by its full path.
    ById(String),
    /// The adapter with this identity.
    UsbId(UsbId),
}

/// Identity of a USB adapter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UsbId {
    /// Vendor.
    pub vid: u16,
    /// Product.
    pub pid: u16,
    /// Serial number, where the adapter has one and it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

impl UsbId {
    /// Whether `port` is what `self` asks for: a selector without a serial number takes any.
    #[must_use]
    pub fn fits(&self, port: &Self) -> bool {
        (self.vid, self.pid) == (port.vid, port.pid)
            && (self.serial.is_none() || self.serial == port.serial)
    }
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "usb {:04x}:{:04x}", self.vid, self.pid)?;
        self.serial
            .iter()
            .try_for_each(|serial| write!(f, " {serial}"))
    }
}

impl fmt::Display for PortSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::ById(name) => f.write_str(name),
            Self::UsbId(id) => id.fmt(f),
        }
    }
}

/// Where the system shows its devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// `/dev`.
    pub dev: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            dev: PathBuf::from("/dev"),
            sys: PathBuf::from("/sys"),
        }
    }
}

/// A serial port that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The device.
    pub path: PathBuf,
    /// Its adapter, when it is a USB one.
    pub usb: Option<UsbId>,
    /// What the adapter calls itself.
    pub product: Option<String>,
    /// Its link in `/dev/serial/by-id`.
    pub by_id: Option<PathBuf>,
}

/// The serial ports of the machine that belong to hardware, USB adapters first.
#[must_use]
pub fn list(roots: &Roots) -> Vec<Port> {
    let links = by_id_links(roots);
    let mut ports: Vec<Port> = names(&roots.sys.join("class/tty"))
        .into_iter()
        // Virtual terminals have no device behind them; the legacy 8250 slots have one but no port.
        .filter(|name| roots.sys.join("class/tty").join(name).join("device").exists() && !name.starts_with("ttyS"))
        .map(|name| {
            let path = roots.dev.join(&name);
            let by_id = links.iter().find(|(_, target)| *target == path).map(|(link, _)| link.clone());
            Port { usb: usb_id(roots, &name), product: usb_text(roots, &name, "product"), by_id, path }
        })
        .filter(|port| port.path.exists())
        .collect();
    ports.sort_by_key(|port| (port.usb.is_none(), port.path.clone()));
    ports
}

/// The device a selector means now. `known` is the identity the port had when it was last open:
/// a path that is gone is then found again under its new name.
///
/// # Errors
/// [`std::io::ErrorKind::NotFound`] with what was looked for and what there is.
pub fn find(
    roots: &Roots,
    selector: &PortSelector,
    known: Option<&UsbId>,
) -> std::io::Result<PathBuf> {
    let found = match selector {
        PortSelector::Path(path)
            if path.exists() && known.is_none_or(|id| is_same(roots, path, id)) =>
        {
            Some(path.clone())
        }
        PortSelector::Path(path) => known
            .and_then(|id| by_usb(roots, id))
            .or_else(|| path.exists().then(|| path.clone())),
        PortSelector::ById(name) => {
            let link = roots.dev.join("serial/by-id").join(name);
            link.exists().then_some(link)
        }
        PortSelector::UsbId(id) => by_usb(roots, id),
    };
    found.ok_or_else(|| {
        let there: Vec<String> = list(roots)
            .iter()
            .map(|port| port.path.display().to_string())
            .collect();
        let there = if there.is_empty() {
            "none".to_owned()
        } else {
            there.join(", ")
        };
        std::io::Error::new(
            std::io::ErrorKind::NotFound,
            format!("no serial port {selector}; ports found: {there}"),
        )
    })
}

/// The USB identity of the adapter behind `path`, following links.
#[must_use]
pub fn identity(roots: &Roots, path: &Path) -> Option<UsbId> {
    let device = path.canonicalize().ok()?;
    usb_id(roots, device.file_name()?.to_str()?)
}

fn is_same(roots: &Roots, path: &Path, id: &UsbId) -> bool {
    identity(roots, path).is_some_and(|now| id.fits(&now))
}

fn by_usb(roots: &Roots, id: &UsbId) -> Option<PathBuf> {
    list(roots)
        .into_iter()
        .find(|port| port.usb.as_ref().is_some_and(|usb| id.fits(usb)))
        .map(|port| port.path)
}

fn usb_id(roots: &Roots, tty: &str) -> Option<UsbId> {
    let hex = |name| u16::from_str_radix(&usb_text(roots, tty, name)?, 16).ok();
    Some(UsbId {
        vid: hex("idVendor")?,
        pid: hex("idProduct")?,
        serial: usb_text(roots, tty, "serial"),
    })
}

/// A property of the USB device a tty belongs to: the nearest ancestor that has a vendor id.
fn usb_text(roots: &Roots, tty: &str, property: &str) -> Option<String> {
    let device = roots
        .sys
        .join("class/tty")
        .join(tty)
        .join("device")
        .canonicalize()
        .ok()?;
    let usb = device
        .ancestors()
        .find(|dir| dir.join("idVendor").is_file())?;
    let text = std::fs::read_to_string(usb.join(property)).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn by_id_links(roots: &Roots) -> Vec<(PathBuf, PathBuf)> {
    let dir = roots.dev.join("serial/by-id");
    let links = names(&dir).into_iter().map(|name| dir.join(name));
    links
        .filter_map(|link| link.canonicalize().ok().map(|target| (link, target)))
        .collect()
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine whose FTDI adapter is `tty` now.
    fn machine(dir: &Path, tty: &str) -> Roots {
        let roots = Roots {
            dev: dir.join("dev"),
            sys: dir.join("sys"),
        };
        let _ = fs::remove_dir_all(&roots.dev);
        let _ = fs::remove_dir_all(&roots.sys);
        let usb = roots.sys.join("devices/usb1/1-1");
        let port = usb.join("1-1:1.0").join(tty);
        fs::create_dir_all(&port).unwrap();
        for (name, text) in [
            ("idVendor", "0403\n"),
            ("idProduct", "6001\n"),
            ("serial", "A50285BI\n"),
            ("product", "FT232R\n"),
        ] {
            fs::write(usb.join(name), text).unwrap();
        }
        fs::create_dir_all(roots.sys.join("class/tty").join(tty)).unwrap();
        symlink(&port, roots.sys.join("class/tty").join(tty).join("device")).unwrap();
        fs::create_dir_all(roots.sys.join("class/tty/tty1")).unwrap();
        fs::create_dir_all(roots.dev.join("serial/by-id")).unwrap();
        fs::write(roots.dev.join(tty), "").unwrap();
        symlink(
            roots.dev.join(tty),
            roots.dev.join("serial/by-id/usb-FTDI-port0"),
        )
        .unwrap();
        roots
    }

    fn ftdi() -> UsbId {
        UsbId {
            vid: 0x0403,
            pid: 0x6001,
            serial: Some("A50285BI".into()),
        }
    }

    #[test]
    fn a_port_is_listed_with_its_adapters_identity() {
        let dir = tempfile::tempdir().unwrap();
        let roots = machine(&dir.path().canonicalize().unwrap(), "ttyUSB0");
        let ports = list(&roots);
        assert_eq!(ports.len(), 1);
        assert_eq!(ports[0].usb, Some(ftdi()));
        assert_eq!(ports[0].product.as_deref(), Some("FT232R"));
        assert_eq!(
            ports[0].by_id,
            Some(roots.dev.join("serial/by-id/usb-FTDI-port0"))
        );
    }

    #[test]
    fn an_adapter_is_found_again_under_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = PortSelector::Path(dir.path().canonicalize().unwrap().join("dev/ttyUSB0"));
        let by_id = PortSelector::ById("usb-FTDI-port0".into());
        let usb = PortSelector::UsbId(UsbId {
            serial: None,
            ..ftdi()
        });

        let roots = machine(&dir.path().canonicalize().unwrap(), "ttyUSB0");
        let known = identity(&roots, &roots.dev.join("ttyUSB0"));
        assert_eq!(known, Some(ftdi()));
        let roots = machine(&dir.path().canonicalize().unwrap(), "ttyUSB3");

        for selector in [path, by_id, usb] {
            let found = find(&roots, &selector, known.as_ref()).unwrap();
            assert_eq!(
                found.canonicalize().unwrap(),
                roots.dev.join("ttyUSB3"),
                "{selector}"
            );
        }
    }

    #[test]
    fn another_adapter_under_the_old_name_is_not_mistaken_for_ours() {
        let dir = tempfile::tempdir().unwrap();
        let roots = machine(&dir.path().canonicalize().unwrap(), "ttyUSB0");
        let ours = UsbId {
            serial: Some("B1".into()),
            ..ftdi()
        };
        let by_serial = PortSelector::UsbId(ours.clone());
        let error = find(&roots, &by_serial, None).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        assert!(error.to_string().contains("usb 0403:6001 B1"), "{error}");
        assert!(error.to_string().contains("ttyUSB0"), "{error}");
    }
}
