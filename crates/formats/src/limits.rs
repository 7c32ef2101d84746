//! How much of a hostile file is kept, and how deep it is followed.

/// Bounds for one input. What lies beyond a bound is skipped and said as a problem; nothing is refused as a whole.
///
/// The defaults are meant for untrusted results of pull requests on a small CI machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes kept of a suite, class or test name. Longer names are cut and end in a hash, so that two stay two.
    pub name_bytes: usize,
    /// Bytes kept of a failure's message.
    pub message_bytes: usize,
    /// Bytes kept of a stack trace or failure text: its head.
    pub stack_bytes: usize,
    /// Bytes of one start tag, JSON line or other unit that must be held in memory at once.
    pub token_bytes: usize,
    /// Nesting of elements, objects or sub-tests that is followed; deeper levels are read flat.
    pub depth: usize,
    /// Problems reported for one file; further ones are counted in one last problem.
    pub problems: usize,
    /// Test cases of one file.
    pub cases: u64,
    /// Attempts kept of one test case.
    pub attempts: usize,
    /// Files read from one archive, nested ones included.
    pub archive_files: usize,
    /// Bytes unpacked from one archive, nested ones included.
    pub archive_bytes: u64,
    /// Bytes unpacked from one file of an archive for each packed byte, beyond the first 16 MiB.
    pub archive_ratio: u64,
    /// Archives within archives.
    pub archive_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            name_bytes: 2 << 10,
            message_bytes: 4 << 10,
            stack_bytes: 16 << 10,
            token_bytes: 1 << 20,
            depth: 256,
            problems: 100,
            cases: 20_000_000,
            attempts: 64,
            archive_files: 100_000,
            archive_bytes: 64 << 30,
            archive_ratio: 1032,
            archive_depth: 3,
        }
    }
}
