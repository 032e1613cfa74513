import Foundation

/// Why the system refused, in its own words, where Foundation has wrapped them in sentences that say less.
package func systemReason(_ error: any Error) -> String {
  let error = error as NSError
  let inner = error.userInfo[NSUnderlyingErrorKey] as? any Error
  for error in [error, inner.map { $0 as NSError }].compactMap(\.self)
  where error.domain == NSPOSIXErrorDomain {
    return systemMessage(CInt(truncatingIfNeeded: error.code))
  }
  return error.localizedDescription
}
