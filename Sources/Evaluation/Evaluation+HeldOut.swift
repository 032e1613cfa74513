public import AutoRound
public import Compute
import Foundation

extension RunReporting {
  /// Reports with a comparison of the quantized model's predictions with the source's, and with those of
  /// plain rounding, on samples that were not used for calibration.
  ///
  /// - Parameter compute: The type of the matrix products.
  public static func measuring(compute: ComputeType = .automatic) -> RunReporting {
    var reporting = RunReporting()
    reporting.measure = { quantized, source, windows, comparesRounding, progress in
      try withoutActuallyEscaping(progress) { progress in
        try Evaluation(model: quantized, reference: source, compute: compute, progress: progress)
          .run(onWindows: windows, comparingRounding: comparesRounding)
      }
    }
    return reporting
  }
}
