// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Two simple tests of random bytes. They find a device that answers with constants, copies, text
//! or half-filled buffers; they are no proof of entropy, and nothing could be.

/// Counts of what was seen.
#[derive(Debug)]
pub(crate) struct Sample {
    bytes: [u64; 256],
}

impl Default for Sample {
    fn default() -> Self {
        Self { bytes: [0; 256] }
    }
}

impl Sample {
    /// Takes more bytes into account.
    pub(crate) fn add(&mut self, data: &[u8]) {
        for &byte in data {
            self.bytes[usize::from(byte)] += 1;
        }
    }

    /// How many bytes were seen.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.iter().sum()
    }

    /// The share of bits that are one.
    pub(crate) fn ones(&self) -> f64 {
        let ones: u64 = (0u64..)
            .zip(&self.bytes)
            .map(|(byte, count)| u64::from(byte.count_ones()) * count)
            .sum();
        ones as f64 / (self.len() * 8) as f64
    }

    /// How far the share of ones is from a half, in standard deviations.
    pub(crate) fn monobit(&self) -> f64 {
        let bits = (self.len() * 8) as f64;
        (self.ones() - 0.5) * 2.0 * bits.sqrt()
    }

    /// Pearson's statistic over the 256 byte values: 255 on average, with a deviation of 22.6.
    pub(crate) fn chi_square(&self) -> f64 {
        let expected = self.len() as f64 / 256.0;
        self.bytes
            .iter()
            .map(|&count| (count as f64 - expected).powi(2) / expected)
            .sum()
    }

    /// The verdict. With six standard deviations about one honest run in 500 million fails the
    /// first test, and a few in a million the second, whose tail is longer.
    pub(crate) fn plausible(&self) -> bool {
        let deviation = (2.0f64 * 255.0).sqrt();
        self.monobit().abs() < 6.0 && (self.chi_square() - 255.0).abs() < 6.0 * deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(data: &[u8]) -> Sample {
        let mut sample = Sample::default();
        sample.add(data);
        sample
    }

    #[test]
    fn the_kernels_bytes_are_plausible() {
        let mut data = vec![0; 1 << 20];
        let mut filled = 0;
        while filled < data.len() {
            let flags = rustix::rand::GetRandomFlags::empty();
            filled += rustix::rand::getrandom(&mut data[filled..], flags).unwrap();
        }
        assert!(sample(&data).plausible());
    }

    #[test]
    fn zeros_text_and_a_counter_are_not() {
        assert!(!sample(&[0; 4096]).plausible());
        assert!(!sample(&b"the same text again ".repeat(100)).plausible());
        // All values equally often: that is too good.
        let counter: Vec<u8> = (0..=255).cycle().take(1 << 16).collect();
        assert_eq!(sample(&counter).chi_square(), 0.0);
        assert!(!sample(&counter).plausible());
    }

    #[test]
    fn one_missing_page_in_a_mebibyte_is_seen() {
        let mut data = vec![0; 1 << 20];
        for part in data.chunks_mut(256) {
            rustix::rand::getrandom(part, rustix::rand::GetRandomFlags::empty()).unwrap();
        }
        data[..4096].fill(0);
        assert!(!sample(&data).plausible());
    }

    #[test]
    fn half_of_the_bits_of_a_counter_are_ones() {
        let counter: Vec<u8> = (0..=255).collect();
        assert_eq!(sample(&counter).ones(), 0.5);
        assert_eq!(sample(&counter).monobit(), 0.0);
    }
}
