import Foundation

/// Quantities as people read them, the same in every locale.
package enum Quantities {
  /// `58 s`, `4 min 05 s`, `2 h 05 min`; below ten seconds with one decimal.
  package static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    if seconds < 9.95 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return String(format: "%d min %02d s", whole / 60, whole % 60) }
    return String(format: "%d h %02d min", whole / 3600, whole / 60 % 60)
  }

  /// `512 B`, `16.4 kB`, `1.19 GB`: decimal units, three digits.
  package static func bytes(_ count: Int) -> String {
    if count < 1000 { return "\(count) B" }
    var value = Double(count)
    var unit = ""
    for next in ["kB", "MB", "GB", "TB", "PB", "EB"] where value >= 999.5 {
      value /= 1000
      unit = next
    }
    let digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
    return String(format: "%.\(digits)f %@", value, unit)
  }

  /// `3.412e-04`: four digits, always in this form, so that columns of losses line up.
  package static func loss(_ value: Double) -> String {
    String(format: "%.3e", value)
  }

  /// `64.9 %` for 0.649.
  package static func percent(_ share: Double) -> String {
    String(format: "%.1f %%", share * 100)
  }

  /// `4.25`: up to three decimals, none of them a zero at the end; `3.412e+08` from a million on, where
  /// digits would be noise.
  package static func decimal(_ value: Double) -> String {
    guard abs(value) < 1e6 else { return loss(value) }
    var text = String(format: "%.3f", value)
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }

  /// `0.0123`: three significant digits.
  package static func significant(_ value: Double) -> String {
    String(format: "%.3g", value)
  }

  /// `1,234,567`.
  package static func count(_ number: Int) -> String {
    let digits = Array(String(number.magnitude))
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }
}
