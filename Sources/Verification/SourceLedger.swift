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
      let isScale = name.hasSuffix(".k_scale") || name.hasSuffix(".v_scale")
      if quantized[module] == nil, !isScale {
        report.add(.damage, name, "is neither in the source nor part of a quantized layer")
      }
    }
  }

  /// Compares quantized weights with those that they were made from.
  ///
  /// An integer inside the range is the weight over its scale, rounded up or down by what tuning has
  /// learned: up for some weights of a group and down for others. Where a whole group is moved by more
  /// than half a step, its zero point or its scale is another group's. Integers at either end do not
  /// count, because weights are cut off there. Floats are as far from the weights as their few bits
  /// make them, a part of the weights themselves.
  private func compare(
    _ module: String, _ scheme: LayerScheme, _ original: StoredTensor,
    _ report: inout VerificationReport
  ) {
    guard original.shape.count == 2,
      let weight = StoredWeight(module, scheme, original.shape, tensors)
    else { return }
    defer {
      weight.finishReading()
      original.withBytes { _ in }
    }
    let groups = weight.columnGroups
    for row in 0..<weight.rows {
      let first = row * weight.columns
      guard let wanted = original.floats(in: first..<first + weight.columns) else { return }
      let elements = weight.elements(ofRow: row)
      for (group, columns) in groups.enumerated() {
        let (scale, zero) = (weight.scale(row, group), weight.zero(row, group))
        var error: Float?
        if let bounds = weight.bounds {
          error = steps(wanted, elements, columns, scale, zero, bounds)
        } else {
          error = share(wanted, elements, columns, scale)
        }
        guard let error else { continue }
        return report.add(
          .damage, "\(module).weight",
          "row \(row), group \(group): the weights are \(error) "
            + (weight.bounds == nil ? "times themselves" : "steps")
            + " from the source's; they, their scale or their zero point are wrong")
      }
    }
  }

  /// How many steps a group of integers is away from the weights, if that is too far.
  private func steps(
    _ wanted: [Float], _ elements: [Float], _ columns: Range<Int>, _ scale: Float, _ zero: Float,
    _ bounds: ClosedRange<Float>
  ) -> Float? {
    var (count, sum, squares): (Float, Float, Float) = (0, 0, 0)
    for column in columns {
      let element = elements[column]
      guard element > bounds.lowerBound, element < bounds.upperBound else { continue }
      let distance = wanted[column] / scale + zero - element
      (count, sum, squares) = (count + 1, sum + distance, squares + distance * distance)
    }
    guard count >= 8 else { return nil }
    let (mean, spread) = (abs(sum / count), (squares / count).squareRoot())
    return mean <= 0.6 && spread <= 1 ? nil : max(mean, spread)
  }

  /// What share of the weights of a group its floats miss, if that is too much.
  private func share(
    _ wanted: [Float], _ elements: [Float], _ columns: Range<Int>, _ scale: Float
  ) -> Float? {
    var (squares, errors): (Float, Float) = (0, 0)
    for column in columns {
      let difference = wanted[column] - elements[column] * scale
      squares += wanted[column] * wanted[column]
      errors += difference * difference
    }
    let share = (errors / squares).squareRoot()
    return squares < 1e-20 || share <= 0.6 ? nil : share
  }
}
