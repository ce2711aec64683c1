//! The table.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// Of what is counted, a second.
    rates: Vec<f64>,
    latency: Option<Histogram<u64>>,
}

impl Side {
    /// Rates of several rounds, with the latencies of all of them.
    pub(crate) const fn new(rates: Vec<f64>, latency: Option<Histogram<u64>>) -> Self {
        Self { rates, latency }
    }

    /// Several rounds as one side.
    pub(crate) fn joined(rounds: Vec<Self>) -> Self {
        let latency = together(rounds.iter().filter_map(|it| it.latency.as_ref()));
        Self { rates: rounds.into_iter().flat_map(|it| it.rates).collect(), latency }
    }

    /// The median of the rounds.
    fn rate(&self) -> f64 {
        median(self.rates.clone())
    }

    /// The median of what each round is to the one beside it: whatever slows the machine down for a
    /// while slows both.
    fn ratio(&self, other: &Self) -> f64 {
        median(self.rates.iter().zip(&other.rates).map(|(our, their)| our / their).collect())
    }

    fn rate_and_rounds(&self) -> String {
        let rounds: Vec<_> = self.rates.iter().map(|it| thousands(*it)).collect();
        if rounds.len() == 1 {
            return thousands(self.rate());
        }
        format!("**{}** ({})", thousands(self.rate()), rounds.join(", "))
    }
}

/// Everything that was measured, as it comes.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<String>,
    facts: Vec<String>,
}

impl Report {
    /// A rate and what it is compared with. `least` is the ratio that is asked for.
    pub(crate) fn compare(&mut self, what: &str, ours: &Side, theirs: &Side, least: Option<f64>) {
        let ratio = ours.ratio(theirs);
        let asked = least.map_or_else(String::new, |it| format!(" (asked: {it:.1})"));
        self.row(&[
            what,
            &ours.rate_and_rounds(),
            &percentiles(ours.latency.as_ref()),
            &theirs.rate_and_rounds(),
            &percentiles(theirs.latency.as_ref()),
            &format!("**{ratio:.2}**{asked}"),
        ]);
    }

    /// A rate that is compared with nothing.
    pub(crate) fn rate(&mut self, what: &str, ours: &Side) {
        let latency = percentiles(ours.latency.as_ref());
        self.row(&[what, &ours.rate_and_rounds(), &latency, "", "", ""]);
    }

    /// Times. `most` is the 99th percentile that is asked for.
    pub(crate) fn times(&mut self, what: &str, times: &Histogram<u64>, most: Option<&str>) {
        let asked = most.map_or_else(String::new, |it| format!("asked: {it}"));
        self.row(&[what, "", &percentiles(Some(times)), "", "", &asked]);
    }

    /// Something else worth knowing.
    pub(crate) fn fact(&mut self, fact: String) {
        eprintln!("{fact}");
        self.facts.push(fact);
    }

    /// Processor time that `count` of something took.
    pub(crate) fn usage(&mut self, what: &str, usage: &BTreeMap<String, Duration>, count: u64) {
        let each = |it: &Duration| it.as_secs_f64() * 1e6 / count as f64;
        let parts = usage.iter().map(|(who, used)| format!("{who} {:.1}", each(used)));
        let parts: Vec<_> = parts.collect();
        let sum: f64 = usage.values().map(each).sum();
        self.fact(format!("processor µs of {what}: {sum:.1} = {}", parts.join(" + ")));
    }

    pub(crate) fn print(&self) {
        println!(
            "| what | Parlance, 1/s | p50 / p99 ms | PostgreSQL alone, 1/s | p50 / p99 ms | ratio |"
        );
        println!("|---|---|---|---|---|---|");
        for row in &self.rows {
            println!("{row}");
        }
        println!();
        for fact in &self.facts {
            println!("- {fact}");
        }
    }

    fn row(&mut self, cells: &[&str]) {
        let row = format!("| {} |", cells.join(" | "));
        eprintln!("{row}");
        self.rows.push(row);
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// The latencies of several rounds as one.
pub(crate) fn together<'a>(
    all: impl IntoIterator<Item = &'a Histogram<u64>>,
) -> Option<Histogram<u64>> {
    let mut all = all.into_iter();
    let mut sum = all.next()?.clone();
    for one in all {
        sum.add(one).ok()?;
    }
    Some(sum)
}

pub(crate) fn percentiles(latency: Option<&Histogram<u64>>) -> String {
    latency.map_or_else(String::new, |it| {
        let at = |quantile| it.value_at_quantile(quantile) as f64 / 1e3;
        format!("{:.1} / {:.1}", at(0.5), at(0.99))
    })
}

/// A number with its thousands apart.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(thousands(999.4), "999");
        assert_eq!(thousands(1_000.0), "1,000");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
    }

    #[test]
    fn the_median_counts() {
        let side = Side::new(vec![9_000.0, 1.0, 5_000.0], None);

        assert_eq!(side.rate_and_rounds(), "**5,000** (9,000, 1, 5,000)");
    }

    #[test]
    fn a_round_is_compared_with_the_one_beside_it() {
        let ours = Side::new(vec![500.0, 50.0, 600.0], None);
        let theirs = Side::new(vec![1_000.0, 100.0, 1_000.0], None);

        assert!((ours.ratio(&theirs) - 0.5).abs() < f64::EPSILON);
    }
}
