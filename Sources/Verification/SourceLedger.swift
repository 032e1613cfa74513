import Foundation

/// Every tensor of a source against a checkpoint made from it: there bit for bit, or quantized from it.
struct SourceLedger {
  let source: [String: StoredTensor]
  let tensors: [String: StoredTensor]
  /// The quantized layers with their rows and columns.
  let quantized: [String: (shape: [Int], scheme: LayerScheme)]

  func run(_ report: inout VerificationReport) {
    for (name, original) in source.sorted(by: { $0.key < $1.key }) {
      let module = name.hasSuffix(".weight") ? String(name.dropLast(7)) : ""
      if let layer = quantized[module] {
        guard original.shape == layer.shape else {
          report.add(
            .damage, name, "stands for shape \(layer.shape); the source has \(original.shape)")
          continue
        }
        compare(module, layer.scheme, original, &report)
      } else if let copy = tensors[name] {
        guard copy.dtype == original.dtype, copy.shape == original.shape else {
          report.add(.damage, name, "is \(copy.kind); the source has \(original.kind)")
          continue
        }
        let isSame = copy.withBytes { a in original.withBytes { b in a.elementsEqual(b) } }
        if !isSame { report.add(.damage, name, "differs from the source, of which it is a copy") }
      } else {
        report.add(.damage, name, "is in the source and neither copied nor quantized")
      }
    }
    for name in tensors.keys.sorted() where source[name] == nil {
      let module = name.split(separator: ".").dropLast().joined(separator: ".")
      let isCache = name.hasSuffix(".k_scale") || name.hasSuffix(".v_scale")
      if quantized[module] == nil, !isCache {
        report.add(.damage, name, "is neither in the source nor part of a quantized layer")
      }
    }
  }

  /// Compares packed integers with the weights that they were made from.
  ///
  /// A code inside the range is the weight over its scale, rounded up or down by what tuning has
  /// learned: up for some weights of a group and down for others. Where a whole group is moved by more
  /// than half a step, its zero point or its scale is another group's. Codes at either end do not count,
  /// because weights are cut off there.
  private func compare(
    _ module: String, _ scheme: LayerScheme, _ original: StoredTensor,
    _ report: inout VerificationReport
  ) {
    guard scheme.format == "pack-quantized", let packed = tensors["\(module).weight_packed"],
      let scales = tensors["\(module).weight_scale"]?.floats, let weights = original.floats,
      original.shape.count == 2,
      let scaleShape = scheme.scaleShape(rows: original.shape[0], columns: original.shape[1])
    else { return }
    let (rows, columns) = (original.shape[0], original.shape[1])
    let words = (columns * scheme.bits + 31) / 32
    let groups = scaleShape.last ?? 1
    let size =
      scheme.strategy == "channel" || scheme.strategy == "tensor"
      ? columns : scheme.groupSize ?? columns
    guard packed.shape == [rows, words], scales.count == scaleShape.reduce(1, *), size > 0,
      scaleShape == [1] || scaleShape == [rows, groups],
      let zeros = zeroPoints(module, scheme, rows: rows, scaleShape: scaleShape)
    else { return }
    let (mask, last) = (UInt64(1) << UInt64(scheme.bits) - 1, 1 << scheme.bits - 1)
    let wrong = packed.withBytes { bytes -> (row: Int, group: Int, shift: Float)? in
      for row in 0..<rows {
        for (group, first) in stride(from: 0, to: columns, by: size).enumerated() {
          let place = scaleShape == [1] ? 0 : row * groups + group
          var (count, sum, squares): (Float, Float, Float) = (0, 0, 0)
          for column in first..<min(first + size, columns) {
            let bit = column * scheme.bits
            let word = row * words + bit / 32
            var value = UInt64(LayerCheck.word(bytes, word))
            if bit % 32 + scheme.bits > 32 {
              value |= UInt64(LayerCheck.word(bytes, word + 1)) << 32
            }
            let code = Int(value >> UInt64(bit % 32) & mask)
            guard code > 0, code < last else { continue }
            let distance =
              weights[row * columns + column] / scales[place] + zeros[place] - Float(code)
            (count, sum, squares) = (count + 1, sum + distance, squares + distance * distance)
          }
          guard count >= 8 else { continue }
          let (mean, spread) = (sum / count, (squares / count).squareRoot())
          if !(abs(mean) <= 0.6 && spread <= 1) { return (row, group, max(abs(mean), spread)) }
        }
      }
      return nil
    }
    if let wrong {
      report.add(
        .damage, "\(module).weight_packed",
        "the codes of row \(wrong.row), group \(wrong.group) are \(wrong.shift) steps from the "
          + "source's weights; they, their scale or their zero point are wrong")
    }
  }

  /// The zero points in the order of the scales, counted like codes.
  private func zeroPoints(
    _ module: String, _ scheme: LayerScheme, rows: Int, scaleShape: [Int]
  ) -> [Float]? {
    let count = scaleShape.reduce(1, *)
    let middle = Float(1 << (scheme.bits - 1))
    if scheme.isSymmetric { return [Float](repeating: middle, count: count) }
    guard let stored = tensors["\(module).weight_zero_point"] else { return nil }
    if scheme.strategy == "tensor" {
      guard stored.entry.range.count == 1 else { return nil }
      return stored.withBytes { [Float(Int8(bitPattern: $0[0])) + middle] }
    }
    let groups = scaleShape[1]
    let words = (rows * scheme.bits + 31) / 32
    guard stored.shape == [words, groups] else { return nil }
    return stored.withBytes { bytes in
      (0..<count).map { index in
        let (row, group) = (index / groups, index % groups)
        let bit = row * scheme.bits
        var value = UInt64(LayerCheck.word(bytes, bit / 32 * groups + group))
        if bit % 32 + scheme.bits > 32 {
          value |= UInt64(LayerCheck.word(bytes, (bit / 32 + 1) * groups + group)) << 32
        }
        return Float(value >> UInt64(bit % 32) & (1 << UInt64(scheme.bits) - 1))
      }
    }
  }
}
