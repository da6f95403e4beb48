// Draws the charts of the statistics with ECharts, in the colours of the page.
"use strict";

const style = getComputedStyle(document.documentElement);
const color = (name) => style.getPropertyValue(name).trim();
const PALETTE = ["#3b77c2", "#d08a1d", "#3c9a63", "#b8504a", "#7a5fb0", "#2f98a6", "#8c6d4f", "#c2548f"];

function optionsOf(chart) {
  const axis = { axisLabel: { color: color("--soft") }, axisLine: { lineStyle: { color: color("--line") } } };
  return {
    color: PALETTE,
    animation: false,
    textStyle: { fontFamily: style.fontFamily, color: color("--ink") },
    // Rich text: the other kind puts inline styles into the page, which its policy forbids.
    tooltip: { trigger: "axis", renderMode: "richText" },
    legend: { type: "scroll", bottom: 0, textStyle: { color: color("--ink") }, pageTextStyle: { color: color("--soft") } },
    grid: { left: 48, right: 12, top: 12, bottom: 52 },
    xAxis: { type: "category", data: chart.months, ...axis },
    yAxis: { type: "value", splitLine: { lineStyle: { color: color("--line") } }, ...axis },
    series: chart.series.map((each) => ({
      name: each.name,
      type: chart.kind,
      stack: chart.kind === "bar" ? "all" : undefined,
      barMaxWidth: 42,
      symbolSize: 7,
      data: each.values,
    })),
  };
}

document.querySelectorAll("[data-chart]").forEach((element) => {
  const drawn = echarts.init(element);
  drawn.setOption(optionsOf(JSON.parse(element.dataset.chart)));
  window.addEventListener("resize", () => drawn.resize());
});
