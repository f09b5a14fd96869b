//! Charts, as SVG by hand: two kinds of them are less than a library for all.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 340.0;
/// Around the plot: left, right, top, bottom.
const MARGIN: [f64; 4] = [64.0, 36.0, 40.0, 48.0];
const COLOURS: [&str; 8] = ["#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"];

/// A line in a chart.
#[derive(Debug, Clone)]
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// Lines over a horizontal axis.
pub struct Lines {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    /// Where the horizontal axis is marked, and how; empty: at round numbers.
    pub x_marks: Vec<(f64, String)>,
    pub series: Vec<Series>,
}

impl Lines {
    pub fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x_most = points().map(|(x, _)| *x).chain(self.x_marks.iter().map(|(x, _)| *x)).fold(0.0, f64::max);
        let y_most = points().map(|(_, y)| *y).fold(0.0, f64::max);
        let (x_step, y_step) = (step(x_most), step(y_most));
        let (x_end, y_end) = (x_most.max(f64::MIN_POSITIVE), (y_most / y_step).ceil().max(1.0) * y_step);
        let [left, right, top, bottom] = MARGIN;
        let x = |value: f64| left + value / x_end * (WIDTH - left - right);
        let y = |value: f64| HEIGHT - bottom - value / y_end * (HEIGHT - top - bottom);
        let mut svg = begin(HEIGHT, &self.title);
        for mark in marks(y_end, y_step) {
            let at = y(mark);
            line(&mut svg, (left, at), (WIDTH - right, at), "#ddd");
            text(&mut svg, (left - 6.0, at + 4.0), "end", &number(mark));
        }
        let x_marks = match self.x_marks.as_slice() {
            [] => marks(x_end, x_step).into_iter().map(|mark| (mark, number(mark))).collect(),
            named => named.to_vec(),
        };
        for (mark, name) in x_marks {
            line(&mut svg, (x(mark), HEIGHT - bottom), (x(mark), HEIGHT - bottom + 5.0), "#555");
            text(&mut svg, (x(mark), HEIGHT - bottom + 18.0), "middle", &name);
        }
        text(&mut svg, (WIDTH / 2.0, HEIGHT - 10.0), "middle", &self.x_label);
        text(&mut svg, (left - 6.0, top - 10.0), "end", &self.y_label);
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            let points = series.points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)));
            let points = points.collect::<Vec<_>>().join(" ");
            let _ = writeln!(svg, r#"<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{points}"/>"#);
        }
        legend(&mut svg, self.series.iter().map(|series| series.name.as_str()));
        svg + "</svg>\n"
    }
}

/// Bars that are made of parts, one below the other.
pub struct Bars {
    pub title: String,
    pub unit: String,
    /// The parts' names, and each bar's name with its parts.
    pub parts: Vec<String>,
    pub bars: Vec<(String, Vec<f64>)>,
}

impl Bars {
    pub fn svg(&self) -> String {
        const BAR: f64 = 46.0;
        const NAMES: f64 = 170.0;
        let top = 66.0;
        let height = top + BAR * self.bars.len() as f64 + 20.0;
        let longest = self.bars.iter().map(|(_, parts)| parts.iter().sum()).fold(f64::MIN_POSITIVE, f64::max);
        let mut svg = begin(height, &self.title);
        legend(&mut svg, self.parts.iter().map(String::as_str));
        for (row, (name, parts)) in self.bars.iter().enumerate() {
            let at = top + BAR * row as f64;
            let mut x = NAMES;
            text(&mut svg, (NAMES - 8.0, at + 20.0), "end", name);
            for (part, colour) in parts.iter().zip(COLOURS.iter().cycle()) {
                let width = part / longest * (WIDTH - NAMES - 110.0);
                let _ =
                    writeln!(svg, r#"<rect x="{x:.1}" y="{at:.1}" width="{width:.1}" height="30" fill="{colour}"/>"#);
                x += width;
            }
            let sum = format!("{:.3} {}", parts.iter().sum::<f64>(), self.unit);
            text(&mut svg, (x + 6.0, at + 20.0), "start", &sum);
        }
        svg + "</svg>\n"
    }
}

fn begin(height: f64, title: &str) -> String {
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
"##
    );
    let _ = writeln!(
        svg,
        r#"<text x="{:.0}" y="18" text-anchor="middle" font-size="14">{}</text>"#,
        WIDTH / 2.0,
        escape(title)
    );
    svg
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(svg, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}"/>"#);
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, what: &str) {
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#, escape(what));
}

/// Names of lines and parts stand in a row below the title.
fn legend<'a>(svg: &mut String, names: impl Iterator<Item = &'a str>) {
    let mut x = MARGIN[0] + 6.0;
    for (name, colour) in names.zip(COLOURS.iter().cycle()) {
        let _ = writeln!(svg, r#"<rect x="{x:.1}" y="26" width="9" height="9" fill="{colour}"/>"#);
        text(svg, (x + 13.0, 35.0), "start", name);
        x += 30.0 + 6.5 * name.chars().count() as f64;
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// 1, 2 or 5 times a power of ten: some five of them reach as far as `most`.
fn step(most: f64) -> f64 {
    let rough = (most / 5.0).max(1e-9);
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    steps.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(power * 10.0)
}

fn marks(end: f64, step: f64) -> Vec<f64> {
    let count = (end / step + 1e-6).floor() as usize;
    (0..=count).map(|mark| mark as f64 * step).collect()
}

fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_marked_at_round_numbers() {
        assert_eq!([0.9, 7.0, 23.0, 480.0, 2_600.0].map(step), [0.2, 2.0, 5.0, 100.0, 1_000.0]);
        assert_eq!(
            marks(1.0, 0.2).iter().map(|mark| number(*mark)).collect::<Vec<_>>(),
            ["0", "0.2", "0.4", "0.6", "0.8", "1"]
        );
    }

    #[test]
    fn a_line_begins_and_ends_where_the_axes_do() {
        let series = vec![Series { name: "p50 <1".into(), points: vec![(0.0, 0.0), (10.0, 20.0)] }];
        let (x_label, y_label) = ("s".into(), "ms".into());
        let svg = Lines { title: "t".into(), x_label, y_label, x_marks: vec![], series }.svg();
        assert!(svg.contains(r#"points="64.0,292.0 724.0,40.0""#), "{svg}");
        assert!(svg.contains("p50 &lt;1") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
