//! Draws that follow from the seed alone: `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).

/// A stream of draws.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// The stream of one judged run: draws of one run never shift those of another.
    pub(super) fn of(seed: u64, place: usize, repeat: u32) -> Self {
        let place = (place as u64).wrapping_mul(0xD134_2543_DE82_EF95);
        let repeat = u64::from(repeat).wrapping_mul(0xA076_1D64_78BD_642F);
        let mut rng = Self(seed.wrapping_add(place) ^ repeat);
        rng.next();
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of the items.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "below the length of a slice"
        )]
        let place = (self.unit() * items.len() as f64) as usize;
        items.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn draws_follow_from_the_seed_and_differ_between_runs() {
        let draw = |seed, place, repeat| Rng::of(seed, place, repeat).unit();
        assert_eq!(draw(7, 1, 0).to_bits(), draw(7, 1, 0).to_bits());
        assert_ne!(draw(7, 1, 0).to_bits(), draw(7, 2, 0).to_bits());
        assert_ne!(draw(7, 1, 0).to_bits(), draw(7, 1, 1).to_bits());
        assert_eq!(Rng::of(1, 1, 1).pick::<u8>(&[]), None);
    }
}
