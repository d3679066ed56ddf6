//! Seeded randomness for the tests. Every random test prints its seed, and `SEED=n` runs it again.

/// SplitMix64: small, good enough to choose by, the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From the environment variable `SEED`, else from the clock; prints which, so that a failure can be run again.
    #[must_use]
    #[allow(clippy::disallowed_methods)] // the one place of the tests where chance comes in
    pub fn from_env(test: &str) -> Self {
        let given = std::env::var("SEED").ok().map(|text| text.parse().expect("SEED is a number"));
        let seed = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
            now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(40)
        });
        println!("{test}: SEED={seed}");
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..bound`.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// One of the items.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// An independent source, for a thread or a child process.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self(self.bits())
    }
}
