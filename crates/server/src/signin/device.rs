//! The secret that a browser keeps of an account that somebody has signed in to with it: it tells the person from who guesses beside
//! them, on the same network. It opens nothing; it is only how its tries are counted, where others' tries hold up the network.
//!
//! The cookie names nobody. What stands in it is a random number and when it was handed out, with a MAC over both and the account, so
//! nothing is kept for it, and it is of use for that one account alone.

use std::time::Duration;

use actarium_core::row::Micros;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const NUMBER_BYTES: usize = 16;
const TIME_BYTES: usize = 8;
const MAC_BYTES: usize = 32;

/// Makes and reads what browsers keep.
pub struct Devices {
    secret: [u8; 32],
    time_max: Duration,
}

impl Devices {
    /// With a secret of this service, for a time.
    pub const fn new(secret: [u8; 32], time_max: Duration) -> Self {
        Self { secret, time_max }
    }

    /// How long it is of use.
    pub const fn time_max(&self) -> Duration {
        self.time_max
    }

    /// What a browser keeps of an account.
    pub fn make(&self, user: &str, random: &[u8; NUMBER_BYTES], now: Micros) -> String {
        let mut bytes = [&random[..], &now.to_be_bytes()].concat();
        let mac = self.mac(user, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether it was handed out for this account and is not too old.
    pub fn is_of(&self, text: &str, user: &str, now: Micros) -> bool {
        self.age(text, user, now)
            .is_some_and(|age| u128::try_from(age).is_ok_and(|age| age <= self.time_max.as_micros()))
    }

    fn age(&self, text: &str, user: &str, now: Micros) -> Option<Micros> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        if bytes.len() != NUMBER_BYTES + TIME_BYTES + MAC_BYTES {
            return None;
        }
        let (told, mac) = bytes.split_at(NUMBER_BYTES + TIME_BYTES);
        self.mac(user, told).verify_slice(mac).ok()?;
        let made_at = told[NUMBER_BYTES..].try_into().ok()?;
        Some(now.saturating_sub(Micros::from_be_bytes(made_at)))
    }

    fn mac(&self, user: &str, told: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        mac.update(told);
        mac.update(user.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_use_for_one_account_and_a_time() {
        let day = Duration::from_secs(24 * 60 * 60);
        let devices = Devices::new([7; 32], day);
        let kept = devices.make("usr_ada", &[1; 16], 5);
        let day = day.as_micros() as Micros;
        assert!(devices.is_of(&kept, "usr_ada", 5 + day));
        assert!(!devices.is_of(&kept, "usr_ada", 6 + day));
        assert!(!devices.is_of(&kept, "usr_ada", 4), "none is older than its making");
        assert!(!devices.is_of(&kept, "usr_bob", 5));
        assert!(!Devices::new([8; 32], devices.time_max()).is_of(&kept, "usr_ada", 5));
        let mut other = BASE64_URL_SAFE_NO_PAD.decode(&kept).unwrap();
        other[0] ^= 1;
        for text in [BASE64_URL_SAFE_NO_PAD.encode(other), kept[1..].to_owned(), String::new(), "ä".into()] {
            assert!(!devices.is_of(&text, "usr_ada", 5), "{text}");
        }
    }
}
