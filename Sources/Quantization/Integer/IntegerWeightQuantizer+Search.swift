import CKernels
package import Diagnostics
package import Tensors

extension IntegerWeightQuantizer {
  /// Rounds a weight to nearest with the scales, of those tried for each group, that lose least.
  ///
  /// What is tried, and the sum that is least, stands at `ck_int_search` in `fake_quant.h`. Only
  /// symmetric integers with parameters per channel or group have a search; others are rounded with
  /// their plain scales, as is the start of tuning.
  ///
  /// Scales are tried as they will be stored, rounded to `scaleDType`, in f32 arithmetic.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type.
  ///   - importance: What an error in a column weighs, at least 0: the mean square of the column's
  ///     inputs, say. Nil weighs all columns equally.
  /// - Throws: As the initializer and ``finished()``.
  package static func searchedRoundToNearest(
    weight: Tensor, arguments: QuantizationArguments, scaleDType: DType, importance: [Float]?
  ) throws(InputError) -> QuantizedWeight {
    let quantizer = try IntegerWeightQuantizer(
      weight: weight, arguments: arguments, scaleDType: scaleDType)
    guard arguments.isSymmetric, arguments.strategy != .tensor else {
      return try quantizer.finished()
    }
    quantizer.searchScales(importance: importance)
    return try quantizer.quantizedWeight()
  }

  private func searchScales(importance: [Float]?) {
    precondition(importance.map { $0.count == columns } ?? true, "one importance for each column")
    ThreadTeam.forRanges(of: rows) { [layer, grouping] begin, end in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * grouping.groupSize) { scratch in
        withUnsafePointer(to: layer) {
          ck_int_search($0, importance, scratch.baseAddress, begin, end)
        }
      }
    }
  }
}
