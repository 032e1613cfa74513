import Checksums
import Diagnostics
import Foundation
import GGUF
import GGUFModels
import Inspection
import Tensors
import Verification

extension GGUFContents {
  /// What llama.cpp will make of it: the architecture was found among those that it has.
  private var runtimes: [RuntimeSupport] {
    [
      RuntimeSupport(
        name: "llama.cpp", isLoading: true, remark: "as \(file.outline.architecture)")
    ]
  }

  func planned(
    _ layers: [String: (shape: [Int], isQuantized: Bool)]
  ) -> VerificationReport {
    var report = VerificationReport()
    report.quantizedLayerCount = layers.values.count { $0.isQuantized }
    (report.runtimes, report.tensorParallelSizes) = (runtimes, [1])
    return report
  }

  /// Reads the file again: its header is the one that was planned, and each tensor's bytes are told by a digest, so that they
  /// can be compared with what was handed over.
  func verified(in folder: URL, source: URL?, reach: TuningReach) -> VerificationReport {
    var report = VerificationReport.digests(of: folder)
    (report.runtimes, report.tensorParallelSizes) = (runtimes, [1])
    report.quantizedLayerCount = layers.count
    let url = folder.appending(path: fileName)
    report.note(url) { report in
      let written = try GGUFFile(opening: url)
      report.tensorCount = written.tensors.count
      if written.header != header {
        report.findings.append(
          .init(.damage, fileName, "its header is not the one that was planned"))
      }
      for info in written.tensors {
        let stored = try written.stored(info.name)
        report.tensorDigests[info.name] = stored.withUnsafeBytes { SHA256.hexadecimal(of: $0) }
        if info.type.firstNonFinite(in: stored) != nil {
          report.findings.append(.init(.damage, info.name, "has a number that is infinite or NaN"))
        }
        written.releasePages()
      }
    }
    return report
  }
}
