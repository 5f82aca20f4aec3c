//! Many short rows of numbers in one, so that none takes memory of its own.

/// Rows by number.
#[derive(Debug)]
pub struct Rows {
    /// `all[starts[n]..starts[n + 1]]`: row n.
    starts: Vec<u32>,
    all: Vec<u32>,
}

impl Default for Rows {
    fn default() -> Self {
        Rows::new(0, Vec::new())
    }
}

impl Rows {
    /// So many rows of pairs: the number of a row, and what belongs to it.
    pub fn new(count: usize, mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        let mut starts = vec![0; count + 1];
        pairs.iter().for_each(|(row, _)| starts[*row as usize + 1] += 1);
        for row in 0..count {
            starts[row + 1] += starts[row];
        }
        Rows { starts, all: pairs.into_iter().map(|(_, one)| one).collect() }
    }

    /// What belongs to a row.
    #[inline]
    pub fn of(&self, row: u32) -> &[u32] {
        &self.all[self.starts[row as usize] as usize..self.starts[row as usize + 1] as usize]
    }
}
