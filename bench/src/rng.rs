//! A small seeded generator of pseudo-random numbers (xoshiro256++), so that a seed gives the same bytes on every machine.
//! It must not be used for anything secret.

/// The state of the generator.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

impl Rng {
    /// A generator whose numbers depend on `seed` alone.
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Rng([0; 4].map(|_: u64| splitmix(&mut state)))
    }

    /// The next 64 bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.0;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }

    /// A number in `0..bound`; `bound` is at least 1.
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// A number in `0.0..1.0`.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with the given probability.
    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of the elements.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A duration-like number: most are near `typical`, some are many times larger.
    pub fn skewed(&mut self, typical: f64) -> u64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit() - 2.0;
        (typical * (sum * 1.4).exp()) as u64
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Draws indices with given weights in constant time (Walker's alias method).
#[derive(Clone, Debug)]
pub struct Weighted {
    keep: Vec<f64>,
    other: Vec<usize>,
}

impl Weighted {
    /// For weights above zero, of which there is at least one.
    pub fn new(weights: &[f64]) -> Self {
        let count = weights.len();
        let total: f64 = weights.iter().sum();
        let mut keep: Vec<f64> = weights.iter().map(|weight| weight * count as f64 / total).collect();
        let mut other: Vec<usize> = (0..count).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..count).partition(|&index| keep[index] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            other[poor] = rich;
            keep[rich] -= 1.0 - keep[poor];
            if keep[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Weighted { keep, other }
    }

    /// Weights `1 / rank^exponent`.
    pub fn zipf(count: usize, exponent: f64) -> Self {
        Self::new(&(1..=count).map(|rank| (rank as f64).powf(-exponent)).collect::<Vec<_>>())
    }

    /// The next index.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> usize {
        let slot = rng.below(self.keep.len());
        if rng.unit() < self.keep[slot] { slot } else { self.other[slot] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_of_fifty_gives_the_first_a_share_of_22_percent_and_the_tenth_2_2() {
        let weighted = Weighted::zipf(50, 1.0);
        let mut rng = Rng::new(7);
        let mut counts = [0u32; 50];
        for _ in 0..1_000_000 {
            counts[weighted.draw(&mut rng)] += 1;
        }
        assert!((220_000..225_000).contains(&counts[0]), "{}", counts[0]);
        assert!((21_500..23_000).contains(&counts[9]), "{}", counts[9]);
    }

    #[test]
    fn a_seed_fixes_the_numbers() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            [rng.bits(), rng.bits(), rng.below(1000) as u64]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
