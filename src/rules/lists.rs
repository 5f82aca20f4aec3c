//! Many short lists of numbers in one, so that none takes memory of its own.

/// Lists by number.
#[derive(Debug)]
pub struct Lists {
    /// `all[starts[n]..starts[n + 1]]`: list n.
    starts: Vec<u32>,
    all: Vec<u32>,
}

impl Default for Lists {
    fn default() -> Self {
        Lists::new(0, Vec::new())
    }
}

impl Lists {
    /// So many lists of pairs: the number of a list, and what belongs to it.
    pub fn new(count: usize, mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        let mut starts = vec![0; count + 1];
        pairs.iter().for_each(|(list, _)| starts[*list as usize + 1] += 1);
        for list in 0..count {
            starts[list + 1] += starts[list];
        }
        Lists { starts, all: pairs.into_iter().map(|(_, one)| one).collect() }
    }

    /// What belongs to a list.
    pub fn of(&self, list: u32) -> &[u32] {
        &self.all[self.starts[list as usize] as usize..self.starts[list as usize + 1] as usize]
    }

    /// What belongs to any.
    pub fn all(&self) -> &[u32] {
        &self.all
    }
}
