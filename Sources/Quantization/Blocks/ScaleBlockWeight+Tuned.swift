package import Diagnostics
import Tensors
package import WeightBlocks

extension ScaleBlockType {
  /// The smallest type without minimums that has a code for each number that these arguments allow.
  ///
  /// A weight is its scale times a whole number, `code - zero point`: from `-2^(b-1)` to `2^(b-1) - 1` in symmetric
  /// weights, from `-(2^b - 1)` to `2^b - 1` in asymmetric ones. So 4 asymmetric bits have room in q5_0, with the scale
  /// as it is; q4_1 would need `-scale * zeroPoint` in f16, which has a bit too few for every other product.
  ///
  /// - Throws: `unsupported` with the key at fault as place.
  package static func holding(
    _ arguments: QuantizationArguments
  ) throws(InputError) -> ScaleBlockType {
    guard arguments.type == .int else {
      throw InputError(
        .unsupported, place: "type",
        "found \(arguments.type.rawValue), expected int for blocks of whole numbers")
    }
    let size = Self.size
    switch arguments.strategy {
    case .channel, .tensor: break
    case .group where (arguments.groupSize ?? 0) % size == 0: break
    case .group:
      throw InputError(
        .unsupported, place: "group_size",
        "found \(arguments.groupSize.map { "\($0)" } ?? "null"), expected a multiple of \(size), "
          + "since \(size) weights have a scale")
    case .block, .tensorGroup, .token, .attentionHead:
      throw InputError(
        .unsupported, place: "strategy",
        "found \(arguments.strategy.rawValue), expected group, channel or tensor")
    }
    let needed = arguments.bitCount + (arguments.isSymmetric ? 0 : 1)
    guard let type = [Self.q40, .q50, .q80].first(where: { $0.bitCount >= needed }) else {
      throw InputError(
        .unsupported, place: "num_bits",
        "found \(arguments.bitCount) with zero points, expected at most 7, since codes less their "
          + "zero point are stored in 8 bits")
    }
    return type
  }
}

extension ScaleBlockWeight {
  /// The same numbers as a tuned weight, in blocks: its codes, less their zero points, and its scales are written as they
  /// are. A scale for more than 32 columns is repeated.
  ///
  /// - Throws: `unsupported` for groups that are not of whole blocks, for numbers that have no code in this type, and for
  ///   scales and minimums that f16 does not hold exactly. Of a block of zeros, the scale may be any: it is rounded.
  package init(_ weight: QuantizedWeight, type: ScaleBlockType) throws(InputError) {
    let size = ScaleBlockType.size
    let (grouping, rows, columns) = (weight.grouping, weight.rows, weight.columns)
    guard weight.arguments.type == .int, weight.globalScale == nil else {
      throw InputError(
        .unsupported, "the weight is of small floats, expected integers for \(type.rawValue)")
    }
    guard columns % size == 0, grouping.groups == 1 || grouping.groupSize % size == 0 else {
      throw InputError(
        .unsupported,
        "\(columns) columns in groups of \(grouping.groupSize), expected multiples of \(size), the "
          + "weights that share a scale in \(type.rawValue)")
    }
    let source = weight.codes.elements(as: UInt8.self)
    let greatestCode = (1 << weight.arguments.bitCount) - 1
    let blocksInRow = columns / size
    guard weight.biases == nil || type.isAsymmetric else {
      throw InputError(
        .unsupported, place: "minimums",
        "groups have biases that are no multiples of their scales, which \(type.rawValue) has no place for"
      )
    }
    var scales: [Float] = []
    var minimums: [Float] = []
    var shifts: [UInt8] = []
    for block in 0..<rows * blocksInRow {
      let (row, first) = (block / blocksInRow, block % blocksInRow * size)
      let parameter = grouping.parameter(row: row, group: first / grouping.groupSize)
      let zero =
        weight.zeroPoints.map { Int($0[parameter]) } ?? 1 << (weight.arguments.bitCount - 1)
      let shift = type.isAsymmetric ? 0 : type.zeroPoint - zero
      guard shift >= 0, greatestCode + shift <= type.greatestCode else {
        throw InputError(
          .unsupported, place: "codes",
          "numbers from \(-zero) to \(greatestCode - zero) in row \(row), column \(first), expected "
            + "from \(-type.zeroPoint) to \(type.greatestCode - type.zeroPoint) for "
            + "\(type.rawValue)")
      }
      shifts.append(UInt8(shift))
      func inHalf(_ number: Float, _ what: String) throws(InputError) -> Float {
        if number.isExactInHalfPrecision { return number }
        let half = number.inHalfPrecision
        let codes = source[block * size..<(block + 1) * size]
        if !type.isAsymmetric, half.isFinite, codes.allSatisfy({ $0 == zero }) { return half }
        throw InputError(
          .unsupported, place: what,
          "\(number) in row \(row), column \(first), is no number of f16, which \(type.rawValue) "
            + "stores; the nearest is \(half)")
      }
      scales.append(try inHalf(weight.scales[parameter], "scales"))
      if type.isAsymmetric {
        minimums.append(
          try inHalf(
            weight.biases?[parameter] ?? -weight.scales[parameter] * Float(zero), "minimums"))
      }
    }
    let codes = [UInt8](unsafeUninitializedCapacity: source.count) { codes, count in
      count = source.count
      guard let codes = codes.baseAddress else { return }
      source.withUnsafeBufferPointer { source in
        for block in shifts.indices {
          for element in block * size..<(block + 1) * size {
            codes[element] = source[element] &+ shifts[block]
          }
        }
      }
    }
    self.init(
      type: type, rows: rows, columns: columns, codes: codes, scales: scales,
      minimums: type.isAsymmetric ? minimums : nil)
  }
}
