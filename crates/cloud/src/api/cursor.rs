//! Where a page of a list goes on: opaque, signed, and only for whom it was made.

use aws_lc_rs::hmac;
use solthrive_cloud_store::people::PageKey;
use solthrive_domain::SiteId;
use uuid::Uuid;

use super::problem::Problem;
use super::seal::derived;
pub(super) use crate::secrets::hex;

/// Bytes of the signature.
const TAG: usize = 16;
const ID: usize = 16;

/// Makes cursors and reads them.
#[derive(Debug)]
pub(super) struct Cursors(hmac::Key);

impl Cursors {
    pub(super) fn new(key: &[u8]) -> Self {
        let key = derived(key, b"cursors of lists");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    fn tag(&self, whose: Uuid, list: &str, content: &[u8]) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(whose.as_bytes());
        context.update(list.as_bytes());
        context.update(&[0]);
        context.update(content);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG]);
        tag
    }

    /// A place in a person's or program's list as its own bytes; `list` names the list and its filters.
    pub(super) fn write_content(&self, whose: Uuid, list: &str, content: &[u8]) -> String {
        let mut bytes = self.tag(whose, list, content).to_vec();
        bytes.extend_from_slice(content);
        hex(&bytes)
    }

    /// What [`Self::write_content`] wrote for the same caller and list; `None` for anything else.
    pub(super) fn read_content(&self, whose: Uuid, list: &str, text: &str) -> Option<Vec<u8>> {
        let bytes = unhex(text)?;
        let (tag, content) = bytes.split_at_checked(TAG)?;
        let expected = self.tag(whose, list, content);
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, &expected).ok()?;
        Some(content.to_vec())
    }

    /// After this line of a person's or program's list; `list` names the list and its filters.
    pub(super) fn write(&self, whose: Uuid, list: &str, key: &PageKey) -> String {
        let mut content = key.site.as_uuid().as_bytes().to_vec();
        content.extend_from_slice(key.name.as_bytes());
        self.write_content(whose, list, &content)
    }

    /// What [`Self::write`] wrote for the same caller and list; `None` for anything else.
    pub(super) fn read(&self, whose: Uuid, list: &str, text: &str) -> Option<PageKey> {
        let content = self.read_content(whose, list, text)?;
        let (id, name) = content.split_at_checked(ID)?;
        Some(PageKey {
            site: SiteId::from_uuid(Uuid::from_slice(id).ok()?),
            name: String::from_utf8(name.to_vec()).ok()?,
        })
    }
}

/// 256 bits of chance, as text: what a link in a letter or a cookie holds.
pub(super) fn secret() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Problem::unavailable())?;
    Ok(hex(&bytes))
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() > 2_048 {
        return None;
    }
    let pairs = digits.chunks_exact(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_person_its_list_and_as_it_was_made() {
        let cursors = Cursors::new(b"key");
        let user = Uuid::from_u128;
        let key = PageKey {
            name: "Ana's höuse".to_owned(),
            site: SiteId::from_uuid(Uuid::from_u128(7)),
        };
        let text = cursors.write(user(1), "sites?name=a", &key);
        assert_eq!(cursors.read(user(1), "sites?name=a", &text), Some(key));
        assert_eq!(cursors.read(user(2), "sites?name=a", &text), None);
        assert_eq!(cursors.read(user(1), "sites?name=b", &text), None);
        assert_eq!(
            Cursors::new(b"other").read(user(1), "sites?name=a", &text),
            None
        );
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(cursors.read(user(1), "sites?name=a", &changed), None);
        }
        for text in ["", "0", "zz", "+1", "€€"] {
            assert_eq!(cursors.read(user(1), "sites?name=a", text), None);
        }
    }
}
