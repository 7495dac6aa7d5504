//! A row of bars, as a picture within the page: no script, no file, nothing of style.

/// The picture's own size; it grows with the page.
const WIDTH: usize = 480;
const HEIGHT: u64 = 64;

/// A row of bars.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// What it shows, in words.
    pub(super) summary: String,
    pub(super) width: usize,
    pub(super) height: u64,
    pub(super) bars: Vec<Bar>,
}

/// One bar. It stands on the ground.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) y: u64,
    pub(super) width: usize,
    pub(super) height: u64,
}

impl Chart {
    /// The counts of past spans, the oldest first. `span` is what one of them is called, and
    /// `all` what they are together.
    pub(super) fn new(title: &'static str, counts: &[u64], span: &str, all: &str) -> Self {
        let most = counts.iter().copied().max().unwrap_or(0);
        let sum: u64 = counts.iter().sum();
        let step = WIDTH / counts.len().max(1);
        let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let bars = bars.map(|(index, &count)| {
            // Something is never shown as nothing.
            let height = (count.saturating_mul(HEIGHT) / most.max(1)).max(2);
            Bar {
                x: index * step,
                y: HEIGHT - height.min(HEIGHT),
                width: step.saturating_sub(2).max(1),
                height,
            }
        });
        Self {
            title,
            summary: match sum {
                0 => format!("None in the last {all}."),
                _ => format!("{sum} in the last {all}, at most {most} in {span}."),
            },
            width: WIDTH,
            height: HEIGHT,
            bars: bars.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_is_as_high_as_the_picture_and_little_is_seen() {
        let chart = Chart::new("Messages", &[0, 1, 1_000, 500], "a minute", "hour");
        let seen: Vec<_> = chart
            .bars
            .iter()
            .map(|it| (it.x, it.y, it.height))
            .collect();
        assert_eq!(seen, [(120, 62, 2), (240, 0, 64), (360, 32, 32)]);
        assert_eq!(
            chart.summary,
            "1501 in the last hour, at most 1000 in a minute."
        );
        let nothing = Chart::new("Messages", &[0; 60], "a minute", "hour");
        assert!(nothing.bars.is_empty());
        assert_eq!(nothing.summary, "None in the last hour.");
    }
}
