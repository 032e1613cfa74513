public import AutoRound
public import Compute
import Foundation

extension RunReporting {
  /// Reports with a comparison of the quantized model's predictions with the source's, on samples that
  /// were not used for calibration.
  ///
  /// - Parameters:
  ///   - compute: The type of the matrix products.
  ///   - progress: Told the share of the comparison that is done, from 0 to 1.
  public static func measuring(
    compute: ComputeType = .automatic, progress: @escaping (Double) -> Void = { _ in }
  ) -> RunReporting {
    var reporting = RunReporting()
    reporting.measure = { quantized, source, windows in
      try Evaluation(model: quantized, reference: source, compute: compute, progress: progress)
        .run(onWindows: windows)
    }
    return reporting
  }
}
