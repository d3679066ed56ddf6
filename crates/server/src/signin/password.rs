//! Passwords: which ones are taken, how they are hashed, how one is compared with its hash.
//!
//! Hashing is meant to be slow and to take memory, so it runs on threads of its own and only so often at one moment.
//! A password is never kept, shown or logged; what is kept is a PHC string that names its own parameters. This file
//! knows no accounts: comparing takes the same work whether there is a hash to compare with, several, or none. That is why the
//! hashes of one address share their salt: one computation compares with all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use actarium_store::Entropy;
use argon2::password_hash::phc::{self, ParamsString};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::breached;
use crate::limits;
use crate::problem::{Kind, Problem};

/// Memory of one hash in KiB: what OWASP's password storage cheat sheet asks for with two passes of argon2id.
const HASH_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const HASH_PASSES: u32 = 2;
/// Lanes; more would only help whoever has more processors than we have.
const HASH_LANES: u32 = 1;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Bytes of a salt.
const SALT_BYTES: usize = 16;
/// Shortest local part of an e-mail address, or other known word, that a password may not contain.
const KNOWN_WORD_CHARS_MIN: usize = 3;
/// Characters that must be left of a password without its longest listed part: what NIST SP 800-63B asks of a whole one.
const UNLISTED_CHARS_MIN: usize = 8;
/// What anybody would try first here.
const SERVICE_NAME: &str = "actarium";

/// Why a password is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// Too short or too long.
    #[error("must have {} to {} characters", limits::PASSWORD_CHARS_MIN, limits::PASSWORD_CHARS_MAX)]
    Length,
    /// It is, or is little more than, a password that is known from breaches.
    #[error("is, or is little more than, one of the most common breached passwords")]
    Breached,
    /// A short part over and over.
    #[error("repeats one short part")]
    Repetitive,
    /// It contains what everybody knows of the account.
    #[error("must not contain the name of the account or of this service")]
    Known,
}

/// Whether a password may be set for the account with this e-mail address.
///
/// # Errors
/// What is wrong with it; the sentence says what is allowed and never repeats the password.
pub fn check(password: &str, email: &str) -> Result<(), Unsuitable> {
    let chars = password.chars().count();
    if !(limits::PASSWORD_CHARS_MIN..=limits::PASSWORD_CHARS_MAX).contains(&chars) {
        return Err(Unsuitable::Length);
    }
    let folded = password.to_lowercase();
    let local_part = email.split('@').next().unwrap_or("").to_lowercase();
    let known = |word: &str| word.chars().count() >= KNOWN_WORD_CHARS_MIN && folded.contains(word);
    if known(&local_part) || known(SERVICE_NAME) {
        return Err(Unsuitable::Known);
    }
    let folded: Vec<char> = folded.chars().collect();
    let unit: String = folded[..repeated_chars(&folded)].iter().collect();
    let listed_chars = breached::longest_within(&unit);
    let unlisted_chars = unit.chars().count() - listed_chars;
    match () {
        () if listed_chars > 0 && unlisted_chars < UNLISTED_CHARS_MIN => Err(Unsuitable::Breached),
        () if unlisted_chars < UNLISTED_CHARS_MIN => Err(Unsuitable::Repetitive),
        () => Ok(()),
    }
}

/// Characters of the shortest part that the text repeats from its beginning to its end; all of them if it repeats none.
fn repeated_chars(text: &[char]) -> usize {
    (1..text.len())
        .find(|&unit| text[unit..].iter().zip(text).all(|(later, first)| later == first))
        .unwrap_or(text.len())
}

/// What comparing a password came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is another one, or there is none.
    Wrong,
    /// It is this one.
    Right,
    /// It is this one, and its hash was made with parameters that are no longer used: here is the new one.
    RightAndRehashed(String),
}

/// Hashes and compares passwords, some at a time.
pub struct Passwords {
    entropy: Arc<dyn Entropy>,
    turns: Arc<Semaphore>,
    /// Places for requests that have a turn or wait for one.
    places: Arc<Semaphore>,
    /// Who hashes new passwords, and how many each: one at a time, so that nobody keeps others from signing in by it.
    chosen: Mutex<BTreeMap<String, usize>>,
    choosing: Arc<Semaphore>,
    hasher: Argon2<'static>,
    /// The hash that the password of an unknown account is compared with. No password has it.
    decoy: String,
}

impl Passwords {
    /// With the parameters of this version.
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self::with_costs(entropy, HASH_MEMORY_KIB, HASH_PASSES)
    }

    fn with_costs(entropy: Arc<dyn Entropy>, memory_kib: u32, passes: u32) -> Self {
        let params = Params::new(memory_kib, passes, HASH_LANES, Some(HASH_BYTES)).expect("parameters within argon2's");
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let places = limits::PASSWORD_HASHES_AT_ONCE_MAX + limits::PASSWORD_HASHES_WAITING_MAX;
        Self {
            entropy,
            turns: Arc::new(Semaphore::new(limits::PASSWORD_HASHES_AT_ONCE_MAX)),
            places: Arc::new(Semaphore::new(places)),
            chosen: Mutex::default(),
            choosing: Arc::new(Semaphore::new(1)),
            decoy: decoy(hasher.params()),
            hasher,
        }
    }

    /// The hash of a password that somebody chooses, as a PHC string, with the salt of another hash of the same address if there is
    /// one. `share` is who is answerable for it: an organization, a person, an address. None has more than its share of the queue,
    /// and what is chosen takes one turn in all: signing in has the others.
    ///
    /// # Errors
    /// 503 if too many are being hashed already.
    pub async fn hash(&self, share: &str, password: &str, beside: Option<&str>) -> Result<String, Problem> {
        let _share = self.take_share(share)?;
        let turn = self.choosing.acquire().await;
        let _turn = turn.map_err(|_| Problem::new(Kind::Unavailable, "the service is shutting down"))?;
        let salt = beside.and_then(|beside| phc::PasswordHash::new(beside).ok()).and_then(|beside| beside.salt);
        let salt = salt.map_or_else(|| self.salt().to_vec(), |salt| salt.to_vec());
        let (hasher, password) = (self.hasher.clone(), password.to_owned());
        self.in_turn(move || hash(&hasher, &salt, &password)).await?
    }

    /// Compares a password with several hashes, in one computation for all that share salt and parameters, and in the work of
    /// one if there are none. Gives the position of the first that is right, and that hash anew if its parameters are no longer
    /// used.
    ///
    /// # Errors
    /// 503 if too many are being compared already.
    pub async fn verify_any(
        &self,
        password: &str,
        stored: Vec<String>,
    ) -> Result<Option<(usize, Option<String>)>, Problem> {
        if stored.is_empty() {
            return self.verify(password, None).await.map(|_| None);
        }
        let (hasher, password) = (self.hasher.clone(), password.to_owned());
        self.in_turn(move || first_right(&hasher, &password, &stored)).await?
    }

    /// Compares a password with a hash. Without a hash the same work is done, and it is wrong.
    ///
    /// # Errors
    /// 503 if too many are being compared already.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, Problem> {
        let (hasher, password) = (self.hasher.clone(), password.to_owned());
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.decoy).to_owned();
        let verdict = move || {
            let parsed = phc::PasswordHash::new(&stored).map_err(|error| unreadable(&error))?;
            let right = hasher.verify_password(password.as_bytes(), &parsed).is_ok() && known;
            if !right {
                return Ok(Verdict::Wrong);
            }
            if is_current(&parsed, hasher.params()) {
                return Ok(Verdict::Right);
            }
            let salt = parsed.salt.as_ref().map_or(&[][..], |salt| salt);
            hash(&hasher, salt, &password).map(Verdict::RightAndRehashed)
        };
        self.in_turn(verdict).await?
    }

    fn take_share<'p>(&'p self, share: &str) -> Result<Share<'p>, Problem> {
        let mut chosen = self.chosen.lock();
        let others: usize = chosen.values().sum();
        let own = chosen.entry(share.to_owned()).or_default();
        let is_full = *own >= limits::PASSWORDS_CHOSEN_PER_SHARE_MAX || others >= limits::PASSWORDS_CHOSEN_MAX;
        if is_full {
            if *own == 0 {
                chosen.remove(share);
            }
            return Err(Problem::new(Kind::Overloaded, "too many passwords are being chosen at once"));
        }
        *own += 1;
        Ok(Share { passwords: self, of: share.to_owned() })
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Problem::new(Kind::Overloaded, "too many passwords are being compared"))?;
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| Problem::new(Kind::Unavailable, "the service is shutting down"))?;
        let working = tokio::task::spawn_blocking(move || {
            // Whoever went away meanwhile keeps their turn until the work is done: it can't be broken off.
            let _held = (place, turn);
            work()
        });
        working.await.map_err(|_| Problem::new(Kind::Internal, "hashing the password failed"))
    }

    fn salt(&self) -> [u8; SALT_BYTES] {
        let mut salt = [0; SALT_BYTES];
        self.entropy.fill(&mut salt);
        salt
    }
}

/// A place among those who choose a password, until it is dropped.
struct Share<'p> {
    passwords: &'p Passwords,
    of: String,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut chosen = self.passwords.chosen.lock();
        if let Some(own) = chosen.get_mut(&self.of) {
            *own -= 1;
            if *own == 0 {
                chosen.remove(&self.of);
            }
        }
    }
}

fn hash(hasher: &Argon2<'_>, salt: &[u8], password: &str) -> Result<String, Problem> {
    let hashed: Result<phc::PasswordHash, _> = hasher.hash_password_with_salt(password.as_bytes(), salt);
    hashed.map(|hash| hash.to_string()).map_err(|error| {
        tracing::error!(%error, "a password cannot be hashed");
        Problem::new(Kind::Internal, "the password could not be hashed")
    })
}

fn unreadable(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "a stored password hash cannot be read");
    Problem::new(Kind::Internal, "the account's password cannot be read")
}

fn first_right(
    hasher: &Argon2<'_>,
    password: &str,
    stored: &[String],
) -> Result<Option<(usize, Option<String>)>, Problem> {
    let parsed: Result<Vec<_>, _> = stored.iter().map(|text| phc::PasswordHash::new(text)).collect();
    let parsed = parsed.map_err(|error| unreadable(&error))?;
    // What was computed, by everything that it depends on besides the password.
    let mut computed: Vec<(&phc::PasswordHash, Vec<u8>)> = Vec::new();
    let mut right = None;
    for (position, one) in parsed.iter().enumerate() {
        let alike = |other: &phc::PasswordHash| {
            (other.algorithm, other.version, &other.params, &other.salt)
                == (one.algorithm, one.version, &one.params, &one.salt)
        };
        let known = computed.iter().position(|(other, output)| {
            alike(other) && one.hash.as_ref().is_some_and(|hash| hash.as_bytes().len() == output.len())
        });
        let known = match known {
            Some(known) => known,
            None => {
                computed.push((one, output(password, one)?));
                computed.len() - 1
            }
        };
        let same = one.hash.as_ref().is_some_and(|hash| hash.as_bytes().ct_eq(&computed[known].1).into());
        if same && right.is_none() {
            right = Some(position);
        }
    }
    let Some(position) = right else { return Ok(None) };
    let one = &parsed[position];
    if is_current(one, hasher.params()) {
        return Ok(Some((position, None)));
    }
    let salt = one.salt.as_ref().map_or(&[][..], |salt| salt);
    Ok(Some((position, Some(hash(hasher, salt, password)?))))
}

/// What a password comes to with the salt and the parameters of a hash.
fn output(password: &str, stored: &phc::PasswordHash) -> Result<Vec<u8>, Problem> {
    let version = stored.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(|error| unreadable(&error))?;
    let params = Params::try_from(stored).map_err(|error| unreadable(&error))?;
    let (Some(salt), Some(hash)) = (&stored.salt, &stored.hash) else {
        return Err(unreadable(&"it has no salt or hash"));
    };
    let mut output = vec![0; hash.as_bytes().len()];
    let hasher = Argon2::new(Algorithm::Argon2id, version, params);
    hasher.hash_password_into(password.as_bytes(), salt, &mut output).map_err(|error| unreadable(&error))?;
    Ok(output)
}

fn is_current(stored: &phc::PasswordHash, params: &Params) -> bool {
    let used = Params::try_from(stored);
    stored.algorithm == Algorithm::Argon2id.ident()
        && stored.version == Some(Version::V0x13.into())
        && used.is_ok_and(|used| {
            let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost(), params.output_len());
            costs(&used) == costs(params)
        })
}

/// A PHC string with the parameters in use whose hash is nobody's: 256 bits that were not made from a password.
fn decoy(params: &Params) -> String {
    let costs = ParamsString::try_from(params).expect("parameters within argon2's");
    let (salt, hash) = ("YWN0YXJpdW0gZGVjb3k", "A".repeat(HASH_BYTES * 4 / 3 + 1));
    format!("$argon2id$v=19${costs}${salt}${hash}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actarium_store::SystemEntropy;

    const ADA: &str = "ada.example@example.com";

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(check("kvmt#2xwpqz", ADA), Err(Unsuitable::Length));
        assert_eq!(check("kvmt#2xwpqzß", ADA), Ok(()));
        let longest: String = "kvßt#2xwpqzr7&Lm".chars().cycle().take(limits::PASSWORD_CHARS_MAX - 1).collect();
        assert_eq!(check(&format!("{longest}!"), ADA), Ok(()));
        assert_eq!(check(&format!("{longest}!!"), ADA), Err(Unsuitable::Length));
    }

    #[test]
    fn what_is_little_more_than_a_listed_password_is_refused() {
        for bad in ["password1234", "Password2024!", "passwordpassword", "!!Sunshine987", "qwertyuiop123456"] {
            assert_eq!(check(bad, ADA), Err(Unsuitable::Breached), "{bad}");
        }
        for good in ["correct horse battery staple", "kvmt#2xwpqz7", "password kvmt#2xw", "Grüße vom Bodensee"] {
            assert_eq!(check(good, ADA), Ok(()), "{good}");
        }
    }

    #[test]
    fn repetitions_and_known_words_are_refused() {
        assert_eq!(check("xq7xq7xq7xq7xq7", ADA), Err(Unsuitable::Repetitive));
        assert_eq!(check("ßßßßßßßßßßßßßßß", ADA), Err(Unsuitable::Repetitive));
        assert_eq!(check("Ada.Example#kvmt2", ADA), Err(Unsuitable::Known));
        assert_eq!(check("kvmt#2-Actarium-xw", ADA), Err(Unsuitable::Known));
        assert_eq!(check("kvmt#2xw-pqz7", "pq@example.com"), Ok(()), "two letters are in most passwords");
    }

    #[tokio::test]
    async fn a_password_fits_its_hash_and_no_other() {
        let passwords = Passwords::with_costs(Arc::new(SystemEntropy), 64, 1);
        let stored = passwords.hash("acme", "kvmt#2xwpqz7", None).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert_ne!(stored, passwords.hash("acme", "kvmt#2xwpqz7", None).await.unwrap(), "each has a salt of its own");
        let verify = async |password: &str, stored: Option<&str>| passwords.verify(password, stored).await.unwrap();
        assert_eq!(verify("kvmt#2xwpqz7", Some(&stored)).await, Verdict::Right);
        assert_eq!(verify("kvmt#2xwpqz8", Some(&stored)).await, Verdict::Wrong);
        assert_eq!(verify("kvmt#2xwpqz7", None).await, Verdict::Wrong);
        assert!(passwords.verify("x", Some("$argon2id$nonsense")).await.is_err());
    }

    #[tokio::test]
    async fn one_of_several_is_found_whatever_their_salts_and_parameters() {
        let (before, now) = (
            Passwords::with_costs(Arc::new(SystemEntropy), 32, 1),
            Passwords::with_costs(Arc::new(SystemEntropy), 64, 1),
        );
        let first = now.hash("acme", "first of kvmt", None).await.unwrap();
        let second = now.hash("acme", "second of kvmt", Some(&first)).await.unwrap();
        let salt = |text: &str| text.split('$').nth(4).unwrap().to_owned();
        assert_eq!(salt(&first), salt(&second));
        let other = now.hash("acme", "third of kvmt", None).await.unwrap();
        let old = before.hash("acme", "fourth of kvmt", Some(&first)).await.unwrap();
        assert_ne!(salt(&first), salt(&other));
        let all = vec![first, second.clone(), other, old, second];
        for (position, password) in ["first of kvmt", "second of kvmt", "third of kvmt"].into_iter().enumerate() {
            assert_eq!(now.verify_any(password, all.clone()).await.unwrap(), Some((position, None)));
        }
        let (position, anew) = now.verify_any("fourth of kvmt", all.clone()).await.unwrap().unwrap();
        assert_eq!((position, salt(&anew.unwrap())), (3, salt(&all[0])));
        assert_eq!(now.verify_any("fifth of kvmt", all).await.unwrap(), None);
        assert_eq!(now.verify_any("first of kvmt", Vec::new()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_made_anew_when_its_password_is_right() {
        let before = Passwords::with_costs(Arc::new(SystemEntropy), 32, 1);
        let now = Passwords::with_costs(Arc::new(SystemEntropy), 64, 1);
        let old = before.hash("acme", "kvmt#2xwpqz7", None).await.unwrap();
        assert_eq!(now.verify("wrong", Some(&old)).await.unwrap(), Verdict::Wrong);
        let Verdict::RightAndRehashed(new) = now.verify("kvmt#2xwpqz7", Some(&old)).await.unwrap() else {
            panic!("an old hash is kept")
        };
        assert_eq!(now.verify("kvmt#2xwpqz7", Some(&new)).await.unwrap(), Verdict::Right);
    }

    #[tokio::test]
    async fn the_decoy_takes_the_parameters_in_use_and_fits_nothing() {
        let passwords = Passwords::new(Arc::new(SystemEntropy));
        let parsed = phc::PasswordHash::new(&passwords.decoy).unwrap();
        assert!(is_current(&parsed, passwords.hasher.params()), "so that comparing with it takes the same work");
        assert_eq!(passwords.verify("kvmt#2xwpqz7", None).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn too_many_at_once_are_refused() {
        let passwords = Passwords::with_costs(Arc::new(SystemEntropy), 32, 1);
        let all = limits::PASSWORD_HASHES_AT_ONCE_MAX + limits::PASSWORD_HASHES_WAITING_MAX;
        let held = passwords.places.clone().try_acquire_many_owned(all as u32).unwrap();
        assert_eq!(passwords.hash("acme", "x", None).await.unwrap_err().kind, Kind::Overloaded);
        drop(held);
        assert!(passwords.hash("acme", "x", None).await.is_ok());
        assert!(passwords.chosen.lock().is_empty());
    }

    #[tokio::test]
    async fn who_chooses_many_passwords_keeps_nobody_from_signing_in() {
        let passwords = Arc::new(Passwords::with_costs(Arc::new(SystemEntropy), 32, 1));
        let turn = passwords.choosing.clone().try_acquire_owned().unwrap();
        let choose = |share: String| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.hash(&share, "x", None).await.map_err(|problem| problem.kind) })
        };
        let mut waiting: Vec<_> = (0..90).map(|_| choose("acme".into())).collect();
        let waits = |waiting: &[tokio::task::JoinHandle<_>]| waiting.iter().filter(|one| !one.is_finished()).count();
        while waits(&waiting) > limits::PASSWORDS_CHOSEN_PER_SHARE_MAX {
            tokio::task::yield_now().await;
        }
        assert_eq!(passwords.verify("x", None).await.unwrap(), Verdict::Wrong, "signing in goes on");
        let other = choose("globex".into());
        drop(turn);
        assert!(other.await.unwrap().is_ok(), "nor from choosing one elsewhere");
        let mut done = 0;
        for one in waiting.drain(..) {
            match one.await.unwrap() {
                Ok(_) => done += 1,
                Err(kind) => assert_eq!(kind, Kind::Overloaded),
            }
        }
        assert_eq!(done, limits::PASSWORDS_CHOSEN_PER_SHARE_MAX);
    }
}
