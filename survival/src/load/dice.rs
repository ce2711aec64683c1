//! Chance that can be repeated: `splitmix64` (G. Steele et al., *Fast Splittable Pseudorandom Number
//! Generators*, 2014).

use std::time::Duration;

use uuid::{Builder, Uuid};

#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is small.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.roll() % bound).unwrap_or_default()
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    pub fn uuid(&mut self) -> Uuid {
        let bits = (u128::from(self.roll()) << 64) | u128::from(self.roll());
        Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }

    /// Between half of `about` and one and a half of it.
    pub fn around(&mut self, about: Duration) -> Duration {
        about / 2 + about.mul_f64(f64::from(u16::try_from(self.below(1000)).unwrap_or(0)) / 1000.0)
    }
}
