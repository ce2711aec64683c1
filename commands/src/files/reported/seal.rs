//! One piece of a copy, sealed.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use domain::FileId;
use eventlog::keys::SealError;

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 32;

/// The key of one copy. It has some hundred pieces, so random nonces do not meet.
pub(super) struct Key(RandomizedNonceKey);

/// Which piece of which file it is. Bound to it: no piece opens in the place of another, and none of
/// the first passes for the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) file_id: FileId,
    pub(super) number: u64,
    pub(super) is_last: bool,
}

impl Place {
    fn bound(self) -> Aad<Vec<u8>> {
        let mut bound = self.file_id.0.as_bytes().to_vec();
        bound.extend_from_slice(&self.number.to_be_bytes());
        bound.push(u8::from(self.is_last));
        Aad::from(bound)
    }
}

impl Key {
    pub(super) fn new(bytes: &[u8]) -> Result<Self, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes).map(Self).map_err(|_| SealError)
    }

    /// ciphertext ‖ tag ‖ nonce: the piece is sealed where it lies in memory.
    pub(super) fn seal(&self, place: Place, mut piece: Vec<u8>) -> Result<Vec<u8>, SealError> {
        let nonce = self.0.seal_in_place_append_tag(place.bound(), &mut piece);
        piece.extend_from_slice(nonce.map_err(|_| SealError)?.as_ref());
        Ok(piece)
    }

    pub(super) fn open(&self, place: Place, mut sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
        let (text, nonce) = sealed.split_last_chunk_mut::<NONCE_LEN>().ok_or(SealError)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, place.bound(), text);
        let length = opened.map_err(|_| SealError)?.len();
        sealed.truncate(length);
        Ok(sealed)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const FIRST: Place = Place { file_id: FileId(Uuid::from_u128(1)), number: 0, is_last: false };

    #[test]
    fn a_piece_opens_in_its_place_alone() {
        let key = Key::new(&[7; KEY_LEN]).unwrap();
        let sealed = key.seal(FIRST, b"a piece".to_vec()).unwrap();
        assert_eq!(key.open(FIRST, sealed.clone()), Ok(b"a piece".to_vec()));
        for elsewhere in [
            Place { number: 1, ..FIRST },
            Place { is_last: true, ..FIRST },
            Place { file_id: FileId(Uuid::from_u128(2)), ..FIRST },
        ] {
            assert_eq!(key.open(elsewhere, sealed.clone()), Err(SealError), "{elsewhere:?}");
        }
        let other = Key::new(&[8; KEY_LEN]).unwrap();
        assert_eq!(other.open(FIRST, sealed.clone()), Err(SealError));
        for damaged in [vec![], sealed[1..].to_vec(), sealed[..sealed.len() - 1].to_vec()] {
            assert_eq!(key.open(FIRST, damaged), Err(SealError));
        }
        assert_ne!(key.seal(FIRST, b"a piece".to_vec()).unwrap(), sealed);
    }
}
