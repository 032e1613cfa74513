import CPU
import Compute
package import Quantization
package import Recordings

/// The devices that are there, for tests that run on all of them.
package enum Devices {
  package enum Kind: Sendable { case processor, reference }

  package struct Choice: Sendable {
    package let kind: Kind
    package let compute: ComputeType

    package func make() throws -> any TuningDevice {
      switch kind {
      case .processor: try CPUDevice(compute: compute)
      case .reference: ReferenceDevice(compute: compute)
      }
    }
  }

  /// Each device in each type that it has. The reference has all: it rounds to bf16 in software.
  package static let available =
    ComputeType.available.map { Choice(kind: .processor, compute: $0) }
    + ComputeType.allCases.map { Choice(kind: .reference, compute: $0) }
}
