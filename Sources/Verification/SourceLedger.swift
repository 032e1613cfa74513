import Dispatch
import Foundation

/// Every tensor of a source against a checkpoint made from it: there bit for bit, or quantized from it.
struct SourceLedger {
  let source: [String: StoredTensor]
  let tensors: [String: StoredTensor]
  /// The quantized layers with their rows and columns.
  let quantized: [String: (shape: [Int], scheme: LayerScheme)]
  /// What tuning can have moved weights.
  let reach: TuningReach

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
        // Of one type and shape, both have as many bytes.
        let isSame = copy.withBytes { a in
          original.withBytes { b in
            guard let a = a.baseAddress, let b = b.baseAddress else { return true }
            return memcmp(a, b, copy.entry.range.count) == 0
          }
        }
        if !isSame { report.add(.damage, name, "differs from the source, of which it is a copy") }
      } else {
        report.add(.damage, name, "is in the source and neither copied nor quantized")
      }
    }
    for module in quantized.keys.sorted() where source["\(module).weight"] == nil {
      report.add(.damage, module, "is quantized and has no weight in the source")
    }
    for name in tensors.keys.sorted() where source[name] == nil {
      let suffix = name.split(separator: ".").last ?? ""
      let module = String(name.dropLast(suffix.count + 1))
      let isPart =
        suffix.hasPrefix("weight") || ["input_scale", "input_global_scale"].contains(suffix)
      if quantized[module] != nil && isPart || ["k_scale", "v_scale"].contains(suffix) { continue }
      report.add(.damage, name, "is neither in the source nor part of a quantized layer")
    }
  }

  /// Compares quantized weights with those that they were made from, group by group.
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
    let (groups, reach) = (weight.columnGroups, reach.units(bits: scheme.bits))
    let parts = min(weight.rows, 64)
    var found = [String?](repeating: nil, count: parts)
    found.withUnsafeMutableBufferPointer { found in
      // Each part of the rows has an element of its own.
      nonisolated(unsafe) let found = found
      DispatchQueue.concurrentPerform(iterations: parts) { part in
        for row in weight.rows * part / parts..<weight.rows * (part + 1) / parts {
          found[part] = message(weight, row, groups, original, reach: reach)
          if found[part] != nil { return }
        }
      }
    }
    guard let first = found.lazy.compactMap({ $0 }).first else { return }
    report.add(
      .damage, "\(module).weight",
      "\(first); the weights, their scale or their zero point are wrong")
  }

  /// What is wrong with a row; nil for a sound one.
  private func message(
    _ weight: StoredWeight, _ row: Int, _ groups: [Range<Int>], _ original: StoredTensor,
    reach: Double
  ) -> String? {
    let first = row * weight.columns
    guard let wanted = original.floats(in: first..<first + weight.columns) else { return nil }
    let elements = weight.elements(ofRow: row)
    for (number, columns) in groups.enumerated() {
      let group = GroupError(
        wanted: wanted[columns], elements: elements[columns], scale: weight.scale(row, number),
        zero: weight.zero(row, number), reach: reach)
      if let message = group.message(weight.grid) {
        return "row \(row), group \(number): \(message)"
      }
    }
    return nil
  }
}
