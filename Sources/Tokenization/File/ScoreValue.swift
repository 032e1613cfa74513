/// The value of a JSON number as the reference implementation of Unigram reads it.
///
/// That reading is not exact: all digits make one integer of 64 bits (digits that do not fit are
/// dropped), which is rounded to a `Double` and then divided or multiplied by a power of ten. The
/// result can be one unit in the last place off. Equally good segmentations of a text are decided
/// by that unit, so it has to be the same one.
func scoreValue(_ number: ArraySlice<UInt8>) -> Double {
  var digits: UInt64 = 0
  var exponent = 0
  var overflows = false
  var inFraction = false
  var position = number.startIndex
  let isNegative = number.first == UInt8(ascii: "-")
  if isNegative { position += 1 }
  while position < number.endIndex {
    let byte = number[position]
    if byte == UInt8(ascii: ".") {
      inFraction = true
    } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
      let (tenfold, first) = digits.multipliedReportingOverflow(by: 10)
      let (sum, second) = tenfold.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
      overflows = overflows || first || second
      if !overflows { digits = sum }
      if inFraction, !overflows { exponent -= 1 }
      if !inFraction, overflows { exponent += 1 }
    } else {
      let text = String(decoding: number[(position + 1)...], as: UTF8.self)
      let limit = 1 << 20  // far beyond what makes a difference
      let written = Int(text) ?? (text.hasPrefix("-") ? -limit : limit)
      exponent += min(max(written, -limit), limit)
      break
    }
    position += 1
  }
  var value = Double(digits)
  while exponent < -308, value != 0 {
    value /= 1e308
    exponent += 308
  }
  if value != 0 {
    let power = exponent > 308 ? .infinity : powersOfTen[Int(exponent.magnitude)]
    value = exponent < 0 ? value / power : value * power
  }
  return isNegative ? -value : value
}

/// 10⁰ to 10³⁰⁸, each the nearest `Double`.
private let powersOfTen: [Double] = (0...308).map { Double("1e\($0)") ?? .infinity }
