/// The tensors of one quantized layer against its scheme.
struct LayerCheck {
  let module: String
  let scheme: LayerScheme
  /// By what their names end with after the module's.
  let tensors: [String: StoredTensor]

  /// Checks everything and gives `[rows, columns]`; nil if that cannot be known.
  func run(_ report: inout VerificationReport) -> [Int]? {
    guard let shape = shape(&report) else { return nil }
    let (rows, columns) = (shape[0], shape[1])
    checkWeight(rows, columns, &report)
    checkScales(rows, columns, &report)
    if !scheme.isSymmetric { checkZeroPoints(rows, columns, &report) }
    for suffix in tensors.keys.sorted()
    where suffix.hasPrefix("weight") && !suffixes.contains(suffix) {
      report.add(.damage, name(suffix), "does not belong to a layer stored as \(scheme.format)")
    }
    return shape
  }

  private func name(_ suffix: String) -> String { "\(module).\(suffix)" }

  /// The tensors that the format has.
  private var suffixes: [String] {
    let rest: [String] =
      switch scheme.format {
      case "pack-quantized": ["weight_shape"] + (scheme.isSymmetric ? [] : ["weight_zero_point"])
      case "nvfp4-pack-quantized": ["weight_global_scale"]
      case "mxfp4-pack-quantized": []
      default: scheme.isSymmetric ? [] : ["weight_zero_point"]
      }
    return [scheme.weightSuffix, "weight_scale"] + rest
  }

  private func tensor(_ suffix: String, _ report: inout VerificationReport) -> StoredTensor? {
    if let found = tensors[suffix] { return found }
    report.add(.damage, name(suffix), "is missing")
    return nil
  }

  /// The tensor if its type and shape are as expected.
  private func tensor(
    _ suffix: String, _ dtypes: [String], _ shape: [Int], _ report: inout VerificationReport
  ) -> StoredTensor? {
    guard let found = tensor(suffix, &report) else { return nil }
    guard dtypes.contains(found.dtype), found.shape == shape else {
      report.add(
        .damage, found.name,
        "is \(found.kind), expected \(dtypes.joined(separator: " or ")) \(shape)")
      return nil
    }
    return found
  }

  private func shape(_ report: inout VerificationReport) -> [Int]? {
    switch scheme.format {
    case "pack-quantized":
      guard let stored = tensor("weight_shape", ["I64"], [2], &report) else { return nil }
      let sizes = stored.withBytes { bytes in
        (0..<2).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self) }
      }
      guard sizes.allSatisfy({ $0 > 0 && $0 < 1 << 31 }) else {
        report.add(.damage, stored.name, "is \(sizes), expected two sizes")
        return nil
      }
      return sizes.map { Int($0) }
    default:
      guard let weight = tensor(scheme.weightSuffix, &report) else { return nil }
      guard weight.shape.count == 2, weight.shape.allSatisfy({ $0 > 0 }) else {
        report.add(.damage, weight.name, "is \(weight.kind), expected rows and columns")
        return nil
      }
      // Two elements in a byte.
      return [weight.shape[0], weight.shape[1] * (scheme.isPacked ? 2 : 1)]
    }
  }

  private func checkWeight(_ rows: Int, _ columns: Int, _ report: inout VerificationReport) {
    guard
      let weight = tensor(
        scheme.weightSuffix, [scheme.weightType],
        scheme.weightShape(rows: rows, columns: columns), &report)
    else { return }
    switch scheme.format {
    case "pack-quantized":
      let words = weight.shape[1]
      let padding = words * 32 - columns * scheme.bits
      guard padding > 0 else { return }
      let dirty = weight.withBytes { bytes in
        (0..<rows).first { Self.word(bytes, $0 * words + words - 1) >> UInt32(32 - padding) != 0 }
      }
      if let dirty {
        report.add(.damage, weight.name, "row \(dirty) has bits set after its last code")
      }
    case "nvfp4-pack-quantized", "mxfp4-pack-quantized": break
    default:
      // Counted from the least integer, those of 8 bits are all below this.
      let (half, limit) = (UInt8(1 << (scheme.bits - 1)), 1 << scheme.bits)
      let bad = weight.stretch.first(wordByteCount: 1) { bytes in
        scheme.type == "float"
          ? bytes.firstWord(UInt8.self) { $0 & 0x7F == 0x7F }
          : bytes.firstWord(UInt8.self) { Int($0 &+ half) >= limit }
      }
      if let bad {
        report.add(
          .damage, weight.name,
          "element [\(bad / columns), \(bad % columns)] is not a number of \(scheme.bits) bits")
      }
    }
  }

  private func checkScales(_ rows: Int, _ columns: Int, _ report: inout VerificationReport) {
    guard let shape = scheme.scaleShape(rows: rows, columns: columns) else {
      return report.add(
        .contract, module, "its group has strategy \(scheme.strategy) without the sizes it needs")
    }
    if let scale = tensor("weight_scale", scheme.scaleTypes, shape, &report) {
      if scheme.format.hasPrefix("mxfp") {
        if let bad = scale.withBytes({ $0.firstIndex(of: 255) }) {
          report.add(.damage, scale.name, "scale \(bad) is NaN")
        }
      } else {
        check(scale, isZeroAllowed: scheme.format == "nvfp4-pack-quantized", &report)
      }
    }
    if scheme.format == "nvfp4-pack-quantized",
      let scale = tensor("weight_global_scale", ["F32"], [1], &report)
    {
      check(scale, isZeroAllowed: false, &report)
    }
  }

  /// Blocks of zeros have a scale of zero where the type of scales has no smaller numbers to spare.
  private func check(
    _ scale: StoredTensor, isZeroAllowed: Bool, _ report: inout VerificationReport
  ) {
    let columns = scale.shape.last ?? 1
    for (index, value) in (scale.floats ?? []).enumerated()
    where !value.isFinite || (value == 0 && !isZeroAllowed) {
      return report.add(
        .damage, scale.name,
        "scale [\(index / columns), \(index % columns)] is \(value)")
    }
  }

  private func checkZeroPoints(_ rows: Int, _ columns: Int, _ report: inout VerificationReport) {
    guard let scales = scheme.scaleShape(rows: rows, columns: columns) else { return }
    if scheme.format != "pack-quantized" || scheme.strategy == "tensor" {
      guard let zero = tensor("weight_zero_point", ["I8"], scales, &report) else { return }
      let (low, high) = (-(1 << (scheme.bits - 1)), (1 << (scheme.bits - 1)) - 1)
      let bad = zero.withBytes { bytes in
        bytes.firstIndex { !(low...high).contains(Int(Int8(bitPattern: $0))) }
      }
      if let bad { report.add(.damage, zero.name, "element \(bad) is not in \(low)...\(high)") }
      return
    }
    let words = (rows * scheme.bits + 31) / 32
    guard let zero = tensor("weight_zero_point", ["I32"], [words, scales[1]], &report) else {
      return
    }
    let padding = words * 32 - rows * scheme.bits
    guard padding > 0 else { return }
    let dirty = zero.withBytes { bytes in
      (0..<scales[1]).first {
        Self.word(bytes, (words - 1) * scales[1] + $0) >> UInt32(32 - padding) != 0
      }
    }
    if let dirty {
      report.add(.damage, zero.name, "column \(dirty) has bits set after its last zero point")
    }
  }

  static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt32 {
    bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self).littleEndian
  }
}
