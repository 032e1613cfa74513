/// How the page of a run looks: by day and by night, on paper, and on a telephone.
enum ReportStyle {
  static let text = """
    :root{--ink:#1d2530;--faint:#5d6878;--line:#dfe3e9;--page:#fff;--card:#f5f7fa;--tuned:#1f66b0;\
    --rounded:#8a94a3;--scarce:#c2571a;--on:#fff;--half:#1d2530}
    @media screen and (prefers-color-scheme:dark){:root{--ink:#e3e7ed;--faint:#98a3b3;--line:#323943;\
    --page:#15181d;--card:#1e232b;--tuned:#6db0f5;--rounded:#8f99a8;--scarce:#f0925a;--on:#0d1117;--half:#0d1117}}
    *{box-sizing:border-box}
    body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;max-width:72rem;\
    margin:0 auto;padding:1.5rem 1rem 3rem;color:var(--ink);background:var(--page)}
    h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0;overflow-wrap:anywhere}
    h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
    p,figcaption,summary{color:var(--faint);margin:.3rem 0 .6rem;max-width:60rem}
    .lead{color:var(--ink);overflow-wrap:anywhere}
    figcaption b{color:var(--ink)}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:1.2rem 0}
    .tiles div{background:var(--card);border-radius:.5rem;padding:.6rem .8rem}
    dt{font-size:.8rem;color:var(--faint)}
    dd{margin:0}
    dd b{display:block;font-size:1.35rem;line-height:1.3;font-weight:600}
    dd span{font-size:.8rem;color:var(--faint)}
    .warnings{border-left:.25rem solid var(--scarce);background:var(--card);padding:.5rem .9rem;\
    margin:1rem 0;overflow-wrap:anywhere}
    .warnings ul{margin:.3rem 0;padding-left:1.2rem}
    table{border-collapse:collapse}
    th,td{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0;font-weight:normal}
    th{color:var(--faint)}
    .facts td{overflow-wrap:anywhere}
    .facts th{min-width:9rem}
    .wide{overflow-x:auto}
    .numbers{width:100%;font-variant-numeric:tabular-nums}
    .numbers td,.numbers th+th{text-align:right;white-space:nowrap}
    .numbers tbody tr{border-top:1px solid var(--line)}
    .numbers :is(td,th):last-child{padding-right:0}
    figure{margin:0 0 1.6rem}
    .plot{padding:1.5rem .9rem 2.8rem 0}
    svg{display:block;width:100%;overflow:visible;font-size:11px;fill:var(--faint)}
    svg svg{overflow:visible}
    .end{text-anchor:end}
    .mid{text-anchor:middle}
    .grid{stroke:var(--line)}
    .base{stroke:var(--rounded)}
    .gain{stroke:var(--rounded);stroke-width:1.5}
    polyline{fill:none;stroke-width:1.8;stroke-linejoin:round;vector-effect:non-scaling-stroke}
    polyline.tuned{stroke:var(--tuned)}
    polyline.rounded{stroke:var(--rounded);stroke-dasharray:5 3}
    circle.tuned{fill:var(--tuned)}
    circle.rounded{fill:var(--page);stroke:var(--rounded);stroke-width:1.5}
    circle.scarce{fill:var(--scarce)}
    .box{fill:var(--tuned);fill-opacity:.45}
    .middle{stroke:var(--ink);stroke-width:2}
    .key{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin:0 .35em 0 .2em}
    .key.tuned{background:var(--tuned)}
    .key.rounded{border:1.5px solid var(--rounded)}
    .key.scarce{background:var(--scarce)}
    .cell{fill:var(--ink);font-variant-numeric:tabular-nums;pointer-events:none}
    .cell.on{fill:var(--on)}
    .cell.half{fill:var(--half)}
    rect[class^=q]{fill:var(--tuned);stroke:var(--page);stroke-width:.5}
    \((0..<10).map { ".q\($0){opacity:\(opacity($0))}" }.joined())
    .legend{white-space:nowrap}
    .legend i{display:inline-block;width:.9em;height:.8em;background:var(--tuned)}
    summary{cursor:pointer}
    .warnings summary{color:var(--ink)}
    .curves{margin-top:1rem;display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:1.4rem 1.6rem}
    .curve{font-size:.8rem;color:var(--faint);overflow-wrap:anywhere;padding-bottom:1rem}
    .curve b{color:var(--ink);font-weight:600}
    .curve svg{margin-top:.4rem}
    @media (max-width:44rem){.spare{display:none}rect[class^=q]{stroke:none}.facts,.facts tbody,.facts tr,.facts th,.facts td{display:block}\
    .facts th{padding-top:.4rem}.tiles{grid-template-columns:1fr 1fr}.numbers{font-size:.85rem}}
    @media print{body{max-width:none;font-size:11px;padding:0;print-color-adjust:exact;\
    -webkit-print-color-adjust:exact}figure,.curve,.tiles div,tr{break-inside:avoid}h2{break-after:avoid}}
    """

  /// How strong a color of a map is, of ten.
  private static func opacity(_ color: Int) -> String {
    color == 9 ? "1" : ".\(10 + color * 10)"
  }
}
