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
        Rows::new(0, &[])
    }
}

impl Rows {
    /// So many rows of pairs: the number of a row, and what belongs to it; in each row in the order given.
    pub fn new(count: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0; count + 2];
        pairs.iter().for_each(|(row, _)| starts[*row as usize + 2] += 1);
        for row in 1..=count {
            starts[row + 1] += starts[row];
        }
        // While they are filled, a row's end stands where its start belongs in the end.
        let mut all = vec![0; pairs.len()];
        for (row, one) in pairs {
            let end = &mut starts[*row as usize + 1];
            all[*end as usize] = *one;
            *end += 1;
        }
        starts.pop();
        Rows { starts, all }
    }

    /// What belongs to a row.
    #[inline]
    pub fn of(&self, row: u32) -> &[u32] {
        &self.all[self.starts[row as usize] as usize..self.starts[row as usize + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_own_in_the_order_given() {
        let rows = Rows::new(4, &[(2, 9), (0, 5), (2, 1), (3, 4), (0, 7), (2, 2)]);
        assert_eq!([rows.of(0), rows.of(1), rows.of(2), rows.of(3)], [&[5, 7], &[][..], &[9, 1, 2], &[4]]);
    }
}
