/// A stream of numbers that a failure can be repeated from (SplitMix64).
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// The same seed gives the same numbers on every machine.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let bound = u64::try_from(bound).expect("usize fits in u64");
        usize::try_from(mixed % bound).expect("below a usize")
    }

    /// Cuts bytes into chunks of 1 to `chunk_bytes_max` bytes.
    pub fn chunks<'a>(&mut self, mut bytes: &'a [u8], chunk_bytes_max: usize) -> Vec<&'a [u8]> {
        let mut chunks = Vec::new();
        while !bytes.is_empty() {
            let size = (1 + self.below(chunk_bytes_max)).min(bytes.len());
            let (head, tail) = bytes.split_at(size);
            chunks.push(head);
            bytes = tail;
        }
        chunks
    }
}
