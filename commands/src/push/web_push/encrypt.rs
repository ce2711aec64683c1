//! A message that its browser alone can read (RFC 8291), as one record of `aes128gcm` (RFC 8188).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::devices::Subscription;

const SALT_LEN: usize = 16;
const KEY_LEN: usize = 16;
const INPUT_LEN: usize = 32;

/// Bytes of a record: all of a message is in the first.
const RECORD: u32 = 4_096;

/// Ends the last record (RFC 8188, section 2).
const LAST: u8 = 2;

/// Bytes of the text that a message can hold: a record's without the delimiter and the tag of AES-GCM,
/// in a body of 4,096 bytes with a header of 86.
const PLAIN_MAX: usize = 4_096 - 86 - 17;

/// `plain` for the browser of `subscription`. None when it is too long or the keys are none.
pub(super) fn encrypt(plain: &[u8], subscription: &Subscription) -> Option<Vec<u8>> {
    let mut salt = [0; SALT_LEN];
    rand::fill(&mut salt).ok()?;
    seal(plain, subscription, &PrivateKey::generate(&ECDH_P256).ok()?, salt)
}

fn seal(
    plain: &[u8],
    subscription: &Subscription,
    ours: &PrivateKey,
    salt: [u8; SALT_LEN],
) -> Option<Vec<u8>> {
    if plain.len() > PLAIN_MAX {
        return None;
    }
    let theirs = BASE64.decode(&subscription.p256dh).ok()?;
    let auth = BASE64.decode(&subscription.auth).ok()?;
    let our_point = ours.compute_public_key().ok()?;

    // RFC 8291, section 3.3: what both sides know, and the subscription's secret.
    let key_info = [b"WebPush: info\0", theirs.as_slice(), our_point.as_ref()];
    let input = agree(ours, UnparsedPublicKey::new(&ECDH_P256, &theirs), (), |shared| {
        expand::<INPUT_LEN>(&Salt::new(HKDF_SHA256, &auth).extract(shared), &key_info).ok_or(())
    });
    // RFC 8188, section 2.2 and 2.3.
    let keys = Salt::new(HKDF_SHA256, &salt).extract(&input.ok()?);
    let key = expand::<KEY_LEN>(&keys, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce = expand::<NONCE_LEN>(&keys, &[b"Content-Encoding: nonce\0"])?;

    let mut record = plain.to_vec();
    record.push(LAST);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?);
    let nonce = Nonce::assume_unique_for_key(nonce); // the key is used this once
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record).ok()?;

    let mut body = salt.to_vec();
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(u8::try_from(our_point.as_ref().len()).ok()?);
    body.extend_from_slice(our_point.as_ref());
    body.extend(record);
    Some(body)
}

/// Bytes that are asked of HKDF.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    key.expand(info, Length(N)).ok()?.fill(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "When I grow up, I want to be a watermelon";

    /// The browser of RFC 8291, section 5.
    fn browser() -> Subscription {
        Subscription {
            endpoint: "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV".to_owned(),
            p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4".to_owned(),
            auth: "BTBZMqHH6r4Tts7J_aSIgg".to_owned(),
        }
    }

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let ours = BASE64.decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw").unwrap();
        let ours = PrivateKey::from_private_key(&ECDH_P256, &ours).unwrap();
        let salt = BASE64.decode("DGv6ra1nlYgDCS1FRnbzlw").unwrap();
        let sealed = seal(PLAIN.as_bytes(), &browser(), &ours, salt.try_into().unwrap()).unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
            mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
            pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(BASE64.encode(sealed), expected);
    }

    #[test]
    fn no_two_messages_look_alike() {
        let once = encrypt(PLAIN.as_bytes(), &browser()).unwrap();
        assert_ne!(encrypt(PLAIN.as_bytes(), &browser()).unwrap(), once);
        assert_eq!(once.len(), PLAIN.len() + 86 + 17);
    }

    #[test]
    fn what_does_not_fit_or_has_no_keys_is_not_encrypted() {
        assert_eq!(encrypt(&[0; PLAIN_MAX], &browser()).map(|it| it.len()), Some(4_096));
        assert_eq!(encrypt(&[0; PLAIN_MAX + 1], &browser()), None);
        let mut off_the_curve = browser();
        off_the_curve.p256dh = BASE64.encode([4; 65]);
        assert_eq!(encrypt(PLAIN.as_bytes(), &off_the_curve), None);
    }
}
